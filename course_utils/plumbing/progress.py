"""Progress bars that work in a terminal, in a notebook and on Colab."""

import sys
from typing import TextIO

from tqdm import tqdm


def progress_bar(**options: object) -> tqdm:
    """A bar with the time left."""
    return tqdm(file=_stream(), mininterval=0.5, **options)


def say(text: str) -> None:
    """A line where bars are shown, above them."""
    tqdm.write(text, file=_stream())


def _stream() -> TextIO:
    """Stdout in a notebook, which shows stderr as a warning, else stderr, away from results."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return sys.stderr if get_ipython() is None else sys.stdout

"""Progress bars that work in a terminal, in a notebook and on Colab."""

import sys

from tqdm import tqdm


def progress_bar(**options: object) -> tqdm:
    """A bar with the time left; on stdout in a notebook, which shows stderr as a warning."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    stream = sys.stderr if get_ipython() is None else sys.stdout
    return tqdm(file=stream, mininterval=0.5, **options)

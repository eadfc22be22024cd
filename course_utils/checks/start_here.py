"""Checks of the start page."""

import re

import numpy as np

from course_utils.checks.framework import Wrong, check


@check("What the network guesses")
def what_is_guessed(answer: str) -> None:
    """Which Lab channels are missing from a black-and-white photo, as a word such as "La"."""
    if not isinstance(answer, str | list | tuple | set):
        raise Wrong(f"expected letters such as 'La', got {type(answer).__name__}.")
    letters = set(re.findall("[abL]", str(answer).replace("and", "").replace("AB", "ab")))
    if letters != {"a", "b"}:
        hint = (
            "L is lightness, and a black-and-white photo shows it already"
            if "L" in letters
            else "two of the three letters of Lab are missing from a black-and-white photo"
        )
        raise Wrong(f"expected two channels, got {answer!r:.60}. Hint: {hint}.")


@check("A photo of your choice")
def colorized(answer: object) -> None:
    """A color picture made by `colorize`, as large as the photo that went in."""
    from PIL import Image

    from course_utils.photos import SAMPLES, sample_photo

    if not isinstance(answer, Image.Image):
        raise Wrong(f"expected a picture, got {type(answer).__name__}.")
    pixels = np.asarray(answer.convert("RGB"), dtype=int)
    if np.ptp(pixels, axis=-1).max() < 3:
        raise Wrong("expected colors, every pixel is gray. Hint: show what colorize returned.")
    small = np.asarray(answer.convert("RGB").resize((16, 16)), dtype=int)
    for name in SAMPLES:
        original = np.asarray(sample_photo(name).resize((16, 16)), dtype=int)
        if np.abs(original - small).mean() < 3:
            raise Wrong(f"this is the original {name}. Hint: pass it through colorize.")

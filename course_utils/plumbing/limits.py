"""Limits on a network's options. Nothing here needs torch, so mistakes on a command line are
reported at once."""

import os

from course_utils.plumbing.arguments import as_kind

HEADS = ("regression", "classification")
STRIDE = 8  # the picture is smallest in conv4 to conv7, at an eighth of its size
MOST_SEEN = 1024  # pixels a side of what a network sees of a photograph: bounds memory


def check_size(size: int) -> None:
    """Raise an error for a size that the network could not halve three times."""
    if as_kind("size", size, int) < 8 or size % 8:
        raise ValueError(f"size: expected a positive multiple of 8, got {size}")


def check_view(size: int) -> None:
    """Raise ValueError unless a size is a positive multiple of 8, at most `MOST_SEEN`."""
    check_size(size)
    if size > MOST_SEEN:
        raise ValueError(f"size: expected at most {MOST_SEEN}, got {size}; choose a smaller one")


def check_architecture(width: float, head: str, inputs: int = 1) -> None:
    """Raise ValueError for a width outside (0, 4], an unknown head, or inputs other than 1 or 4."""
    if not 0 < as_kind("width", width, float) <= 4:
        raise ValueError(f"width: expected a factor in (0, 4], got {width}")
    if head not in HEADS:
        raise ValueError(f"head: expected one of {', '.join(HEADS)}, got {head!r}")
    if inputs not in (1, 4):
        raise ValueError(f"inputs: expected 1 (L) or 4 (L and hints), got {inputs!r}")


def check_threads(threads: int) -> None:
    """Raise an error for a number of threads that this machine's processors do not have."""
    most = os.cpu_count() or 1
    if not 1 <= as_kind("threads", threads, int) <= most:
        raise ValueError(f"threads: expected 1 to {most}, got {threads}")


def check_temperature(temperature: float) -> None:
    """Raise an error for a temperature outside (0, 1], or too near 0 to divide by."""
    if not 1e-6 <= as_kind("temperature", temperature, float) <= 1:
        raise ValueError(
            f"temperature: expected a number in (0, 1], 0.000001 at least, got {temperature:g}"
        )

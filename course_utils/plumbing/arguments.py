"""Argument checks: types, ranges, and suggestions for misspelled names. Every error message is one
line. Nothing here needs torch."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from math import isfinite
from numbers import Integral, Real
from os import PathLike, fspath

KINDS = {  # numpy's numbers are numbers, too
    bool: (bool, "True or False"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str | PathLike, "a name or a path"),
}
SLACK = 1e-4  # of a range, for rounding
NEARLY = 0.2  # of a range: bicubic resizing overshoots as much


def as_kind(name: str, value: object, kind: type) -> object:
    """Convert a value to bool, int, float or str.

    Raises:
        TypeError: the value has another type.
        ValueError: the value is too large for a float.
    """
    wanted, words = KINDS[kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name}: expected {words}, got {described(value)}")
    try:
        return fspath(value) if kind is str else kind(value)
    except OverflowError:
        raise ValueError(f"{name}: expected {words}, got one that is too large") from None


def check_range(name: str, least: float, most: float, low: float, high: float, hint: str) -> None:
    """Raise ValueError, with a fix, unless `least` to `most` lies within `low` to `high`."""
    slack, near = SLACK * (high - low), NEARLY * (high - low)
    if low - slack <= least and most <= high + slack:  # also catches NaN
        return
    if not isfinite(least + most):
        hint = "replace what is NaN or infinite"
    elif low - near <= least and most <= high + near:
        hint = f"clip to [{low:g}, {high:g}]"
    raise ValueError(f"{name}: expected {low:g} to {high:g}, got {least:g} to {most:g}; {hint}")


def described(value: object) -> str:
    """What came, for an error message."""
    kind, text = type(value).__name__, repr(value)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{kind} of shape {tuple(value.shape)}, {value.dtype}"
    plain = len(text) <= 40 and text.isprintable() and not text.startswith("<")  # an address
    return f"{text} ({kind})" if plain else kind


def meant(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, as the end of an error message, or nothing."""
    known = list(known)
    initials = {"".join(word[:1] for word in each.split("_")): each for each in known}
    small = {each.lower(): each for each in known}
    near = get_close_matches(name.lower(), small, 1)
    best = initials.get(name.lower()) or (small[near[0]] if near else "")
    return f"; did you mean {best}?" if best else ""


def names_checked(call: Callable) -> Callable:
    """Wrap a method so that an unknown keyword raises TypeError with the closest known one."""
    known = [*signature(call).parameters][1:]  # without self

    @wraps(call)
    def checked(*values: object, **named: object) -> object:
        for name in named:
            if name not in known:
                hint = meant(name, known) or f"; expected one of {', '.join(known)}"
                raise TypeError(f"{name}: unknown{hint}")
        return call(*values, **named)

    return checked

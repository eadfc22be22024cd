"""Checks of lesson 2, data."""

from collections.abc import Callable

import torch

from course_utils.checks.framework import Wrong, call, check


@check("Is it gray?")
def is_gray(answer: Callable) -> None:
    """A function from Lab (3, H, W) to True for a gray photo, however light or warm it is."""
    base = torch.linspace(20, 90, 64).reshape(8, 8)
    none = torch.zeros(8, 8)
    speck = none.clone()
    speck[0, 0] = 30
    mean = "the mean of sqrt(a² + b²) over the photo, against a threshold such as 4"
    cases = (
        ("a plain gray photo", none, none, True, mean),
        ("a gray photo with the noise of a JPEG", none + 0.8, none - 0.9, True, mean),
        ("a gray photo with one colored speck", speck, none, True, mean),
        (
            "a photo half red and half green, whose mean a is 0",
            torch.where(base > 55, 40.0, -40.0),
            none,
            False,
            "a and b of both signs cancel in a mean; take sqrt(a² + b²) first",
        ),
        ("a blue photo", none, none - 40, False, "b counts as much as a; " + mean),
        ("an evenly orange photo", none + 30, none + 30, False, "not the spread, " + mean),
        ("a pale photo of mean chroma 8", none + 8, none, False, "the threshold is too high"),
    )
    for name, a, b, expected, hint in cases:
        got = bool(call(answer, torch.stack((base, a, b))))
        if got != expected:
            raise Wrong(f"expected {expected} for {name}, got {got}. Hint: {hint}.")


@check("The first n photographs")
def first_n(answer: Callable) -> None:
    """A function from a list of files and n to the first n of those that are photographs."""
    files = ["jpg_list.csv", "a.jpg", "notes.txt", "b.PNG", "c.jpeg", "d.jpg", "e.webp"]
    photos = [file for file in files if not file.endswith((".csv", ".txt"))]
    found = [str(file) for file in call(answer, files, 99)]
    first = [str(file) for file in call(answer, files, 3)]
    extra = [file for file in found if file not in photos]
    missing = [file for file in photos if file not in found]
    if extra:
        raise Wrong(f"{extra[0]} is no photograph. Hint: look at the ending alone.")
    if missing:
        hint = "compare endings in lower case" if missing[0] == "b.PNG" else "it is in the list"
        raise Wrong(f"{missing[0]} is a photograph too. Hint: {hint}.")
    if first != photos[:3]:
        hint = (
            "[: n + 1] takes one more than it says; a slice leaves its end out"
            if len(first) == 4
            else "first choose the photographs, then slice"
        )
        raise Wrong(f"expected {photos[:3]} for n = 3, got {first}. Hint: {hint}.")

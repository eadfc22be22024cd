"""Checks of lesson 2, data."""

import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from course_utils.checks.framework import NotTried, Wrong, call, check, compare, pair
from course_utils.photos import photo_to_lab, read_photo, sample_photo


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


@check("Your own Dataset")
def dataset(answer: type) -> None:
    """A class made from (files, size), with a length and pairs of L (1, S, S) and ab (2, S, S)."""
    if not callable(answer):
        raise Wrong(f"expected a class, got {type(answer).__name__}.")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("rocket.png", "gray.png", "cat.png")]
        sample_photo("rocket").resize((60, 40)).save(files[0])
        sample_photo("coffee").resize((50, 50)).convert("L").save(files[1])
        sample_photo("cat").resize((80, 30)).save(files[2])
        made = answer(files, 32)
        if made is ... or made is None:
            raise NotTried
        length = call(len, made)
        if length != 3:
            raise Wrong(f"expected a length of 3 for 3 files, got {length}.")
        for n, file in enumerate(files):
            got = call(made.__getitem__, n)
            try:
                L, ab = (torch.as_tensor(part) for part in got)
            except (TypeError, ValueError):
                raise Wrong(f"expected a pair (L, ab), got {type(got).__name__}.") from None
            lab = photo_to_lab(read_photo(file), (32, 32))
            _one_pair(L, ab, lab, file.name)


def _one_pair(L: torch.Tensor, ab: torch.Tensor, lab: torch.Tensor, name: str) -> None:
    shapes = tuple(L.shape), tuple(ab.shape)
    if shapes != ((1, 32, 32), (2, 32, 32)):
        hint = {
            ((2, 32, 32), (1, 32, 32)): "first the question L, then the answer ab",
            ((32, 32), (2, 32, 32)): "L[None], or lab[:1], keeps the channel of L",
            ((1, 32, 32), (3, 32, 32)): "the answer is ab alone, lab[1:]",
            ((32, 32, 1), (32, 32, 2)): "channels come first: .permute(2, 0, 1)",
        }.get(shapes, "resize every picture to size x size")
        raise Wrong(f"expected (1, 32, 32) and (2, 32, 32) of {name}, got {shapes}. Hint: {hint}.")
    got = torch.cat((L, ab)).double()
    if (got - lab).abs().mean() < 1:  # another way of resizing is no mistake
        return
    if (100 * got - lab).abs().mean() < 1:
        hint = "L runs from 0 to 100 and ab with it; nothing is divided"
    elif (got[[0, 2, 1]] - lab).abs().mean() < 1:
        hint = "a and b are exchanged"
    elif got.amin() >= 0:
        hint = "a and b are never negative: these are RGB, convert them to Lab"
    else:
        hint = "read, resize, convert, split"
    raise Wrong(f"{name} is not its Lab. Hint: {hint}.")


@check("A split that does not leak")
def split(answer: Callable) -> None:
    """A function from a file's name and content to True for about 10 %, the validation side."""
    dice = random.Random(0)
    contents = [dice.randbytes(64 + n % 50) for n in range(2000)]
    names = [f"{n:04}.jpg" for n in range(2000)]
    state = random.getstate()
    first = [bool(call(answer, *each)) for each in zip(names, contents, strict=True)]
    again = [bool(call(answer, *each)) for each in zip(names, contents, strict=True)]
    random.setstate(state)
    if first != again:
        raise Wrong(
            "the same file landed on both sides in two calls. Hint: no dice; decide by the content."
        )
    if first != [bool(answer(f"copy of {n}", c)) for n, c in zip(names, contents, strict=True)]:
        raise Wrong(
            "a copy under another name landed on the other side. Hint: decide by the content, "
            "not by the name."
        )
    if any(first == [hash(c) % 10 == rest for c in contents] for rest in range(10)):
        raise Wrong(
            "right today and another split tomorrow. Hint: Python salts hash() anew in every "
            "process; hashlib.sha256 is the same everywhere."
        )
    if len({bytes(c[:1]) for c, val in zip(contents, first, strict=True) if val}) < 50:
        raise Wrong(
            "files that begin alike, as all JPEGs do, land on one side. Hint: hash the whole "
            "content."
        )
    share = sum(first) / len(first)
    if not 0.07 < share < 0.13:
        raise Wrong(f"expected about 10 % on the validation side, got {share:.0%}.")


@check("Resize first")
def pixels_converted(answer: Callable) -> None:
    """A function from width, height, size to how many pixels are converted: (Lab first, resize
    first)."""
    cases = torch.tensor([[500, 375, 256], [4000, 3000, 256], [100, 100, 64]])
    got = torch.tensor([pair(call(answer, *case)) for case in cases.tolist()])
    width, height, size = cases.double().unbind(1)
    small = size * size
    compare(
        got,
        torch.stack((width * height, small), dim=1),
        {
            "the pair is exchanged: first Lab before resizing, then after it": torch.stack(
                (small, width * height), dim=1
            ),
            "count pixels, not channels": torch.stack((3 * width * height, 3 * small), dim=1),
            "a picture of size x size has size² pixels": torch.stack((width * height, size), dim=1),
            "expected the two numbers, not their ratio": torch.stack(
                (width * height / small, torch.ones_like(small)), dim=1
            ),
        },
    )

"""Checks of lesson 2, data."""

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import torch
from PIL import Image

from course_utils.checks.framework import NotTried, Wrong, call, check, pair, untouched
from course_utils.photos import photo_to_lab, read_photo, sample_photo


@check("Is it gray?")
def is_gray(answer: Callable) -> None:
    """A function from Lab (3, H, W) to True for a gray photo, however light or warm it is."""
    base = torch.linspace(20, 90, 64).reshape(8, 8)
    none = torch.zeros(8, 8)
    speck = none.clone()
    speck[0, 0] = 30
    corner = none.clone()
    corner[:4, :4] = 100
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
        (
            "a violet photo",
            none + 30,
            none - 30,
            False,
            "a and b cancel when they are added; " + mean,
        ),
        ("a photo with one vivid quarter", corner, none, False, "not the median, " + mean),
        ("an evenly orange photo", none + 30, none + 30, False, "not the spread, " + mean),
        ("a pale photo of mean chroma 8", none + 8, none, False, "the threshold is too high"),
    )
    answers = []
    for _, a, b, _, _ in cases:
        got = call(answer, torch.stack((base, a, b)))
        if getattr(got, "ndim", 0) > 0:
            raise Wrong(
                f"expected True or False, got {tuple(got.shape)} of them. Hint: one answer for the "
                "photo, so take the mean before you compare."
            )
        if isinstance(got, float) or getattr(got, "dtype", torch.bool).is_floating_point:
            raise Wrong(f"expected True or False, got {float(got):g}. Hint: compare it, `< 4`.")
        answers.append(bool(got))
    if answers == [not expected for *_, expected, _ in cases]:
        raise Wrong("expected True for a gray photo, got False. Hint: it is the other way round.")
    for got, (name, _, _, expected, hint) in zip(answers, cases, strict=True):
        if got != expected:
            raise Wrong(f"expected {expected} for {name}, got {got}. Hint: {hint}.")


@check("The first n photographs")
def first_n(answer: Callable) -> None:
    """A function from a list of files and n to the first n of those that are photographs."""
    files = [
        "z.jpg",
        "jpg_list.csv",
        "my.cat.jpg",
        "b.PNG",
        "a.png.txt",
        "c.jpeg",
        "D.JPG",
        "e.webp",
    ]
    photos = [file for file in files if not file.endswith((".csv", ".txt"))]
    found = [str(file) for file in call(answer, files, 99)]
    first = [str(file) for file in call(answer, files, 3)]
    extra = [file for file in found if file not in photos]
    missing = [file for file in photos if file not in found]
    if extra:
        raise Wrong(f"{extra[0]} is no photograph. Hint: look at the ending alone.")
    if missing:
        hints = {
            "my.cat.jpg": "a name may have several points; Path(file).suffix is the last part",
            "b.PNG": "compare endings in lower case",
            "D.JPG": "compare endings in lower case",
        }
        hint = hints.get(missing[0], f"{Path(missing[0]).suffix} is one of the four endings")
        raise Wrong(f"{missing[0]} is a photograph too. Hint: {hint}.")
    if first != photos[:3]:
        hint = "first choose the photographs, then slice"
        if len(first) == 4:
            hint = "[: n + 1] takes one more than it says; a slice leaves its end out"
        elif sorted(found) == found:
            hint = "keep the order of the list"
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
        length = made.__len__()
        if untouched(length):
            raise NotTried
        if length != 3:
            raise Wrong(f"expected a length of 3 for 3 files, got {length}.")
        for n, file in enumerate(files):
            got = call(made.__getitem__, n)
            try:
                L, ab = (torch.as_tensor(part) for part in got)
            except (TypeError, ValueError):
                raise Wrong(f"expected a pair (L, ab), got {type(got).__name__}.") from None
            photo = read_photo(file)
            nearest = photo_to_lab(photo.resize((32, 32), Image.Resampling.NEAREST))
            _one_pair(L, ab, photo_to_lab(photo, (32, 32)), nearest, file.name)


def _one_pair(
    L: torch.Tensor, ab: torch.Tensor, lab: torch.Tensor, nearest: torch.Tensor, name: str
) -> None:
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
    if (got - nearest).abs().mean() < 1:
        hint = "NEAREST takes one pixel of many; Pillow's usual resize averages them"
    elif got[0].abs().max() <= 1.01:
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
    rng = random.Random(0)  # all of one length, and all begin and end as JPEGs do
    files = {
        f"{n:04}.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + rng.randbytes(80) + b"\xff\xd9"
        for n in range(2000)
    }

    def side(name: str, content: bytes) -> bool:
        got = call(answer, name, content)
        if isinstance(got, str):
            raise Wrong(f"expected True for validation or False, got {got!r:.40}.")
        return bool(got)

    state = random.getstate()
    with patch("builtins.hash", _salted):
        first = {name: side(name, files[name]) for name in files}
        again = {name: side(name, files[name]) for name in reversed(files)}
        copies = {name: side(f"copy of {name}", files[name]) for name in files}
    random.setstate(state)
    if first != again:
        raise Wrong(
            "the same file landed on both sides in two calls. Hint: no dice; decide by the content."
        )
    if first != copies:
        raise Wrong(
            "a copy under another name landed on the other side. Hint: decide by the content, "
            "not by the name."
        )
    share = sum(first.values()) / len(first)
    if share in (0, 1):
        raise Wrong(
            f"expected about 10 % on the validation side, got {share:.0%}. Hint: JPEGs begin and "
            "end alike and may be of one length; hash the whole content."
        )
    if not 0.07 < share < 0.13:
        raise Wrong(f"expected about 10 % on the validation side, got {share:.0%}.")


def _salted(_: object) -> int:
    raise Wrong(
        "right today and another split tomorrow. Hint: Python salts hash() anew in every process; "
        "hashlib.sha256 is the same everywhere."
    )


@check("Resize first")
def pixels_converted(answer: Callable) -> None:
    """A function from width, height, size to how many pixels are converted: (Lab first, resize
    first)."""
    for width, height, size in ((500, 375, 256), (4000, 3000, 256), (100, 100, 64)):
        before, after = width * height, size * size
        given = call(answer, width, height, size)
        if isinstance(given, int | float) and given == before / after:
            raise Wrong("expected the two numbers, got their ratio.")
        got = pair(given)
        hints = {
            (after, before): " Hint: first Lab before resizing, then after it.",
            (3 * before, 3 * after): " Hint: count pixels, not channels.",
            (before, size): " Hint: a picture of size x size has size² pixels.",
        }
        if got != (before, after):
            raise Wrong(
                f"{width} x {height} to {size}: expected ({before}, {after}), got "
                f"({got[0]:g}, {got[1]:g}).{hints.get(got, '')}"
            )

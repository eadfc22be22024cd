"""Checks of lesson 2, data."""

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import torch
from PIL import Image

from course_utils.checks.framework import NotTried, Wrong, call, check, choices, untouched
from course_utils.data import load_dataset
from course_utils.photos import (
    mean_chroma,
    photo_to_lab,
    pil_to_tensor,
    read_photo,
    sample_photo,
)
from course_utils.plumbing.duplicates import dhash, near_duplicates


@check("A threshold for faded photos")
def thresholds(answer: object) -> None:
    """Two thresholds of the mean chroma: one that keeps one sample at 10 % of its color, and one
    that throws out one at 30 %; each gets all others right."""
    samples = load_dataset("samples", 96, "all")
    chroma = mean_chroma(samples.lab[:]).tolist()
    names = ("keeps one too many", "throws out one too many")
    got = choices(answer, names)
    found = {}
    for name, threshold in got.items():
        sides = list(zip(samples.names, chroma, strict=True))
        kept = [f"{each} 10 %" for each, full in sides if 0.1 * full >= threshold]
        out = [f"{each} 30 %" for each, full in sides if 0.3 * full < threshold]
        found[name] = kept, out
    mistakes = [tuple(map(len, found[name])) for name in names]
    if mistakes == [(1, 0), (0, 1)]:
        return
    if mistakes == [(0, 1), (1, 0)]:
        raise Wrong("the two are exchanged. Hint: a higher threshold throws out more.")
    name, wanted = next(
        (name, each)
        for name, each, mistake in zip(names, [(1, 0), (0, 1)], mistakes, strict=True)
        if mistake != each
    )
    kept, out = found[name]
    if len(kept) + len(out) == 1:
        hint = "this is the other one of the two"
    elif len(kept) == len(out) == 1:
        hint = "it gets one of each wrong; move it " + ("down" if wanted == (1, 0) else "up")
    else:
        hint = "too low" if len(kept) > len(out) else "too high"
    raise Wrong(
        f"{name}: at {got[name]:g} {', '.join(kept) or 'nothing at 10 %'} stays, and "
        f"{', '.join(out) or 'nothing at 30 %'} falls out. Hint: {hint}."
    )


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


@check("What finds the copy?")
def doubles(answer: object) -> None:
    """For each double of a photograph what tells that it is one: "content", "look" or
    "nothing"."""
    cat = sample_photo("cat")
    pictures = {
        "renamed": cat,
        "smaller": cat.resize((150, 100)),
        "brighter": cat.point(lambda value: 1.3 * value),
        "mirrored": cat.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "piece": cat.crop((100, 50, 400, 250)),
    }
    why = {
        "content": "its bytes are those of the original, and the name does not count",
        "look": "its bytes are others; where it is darker and where lighter has not changed",
        "nothing": "compare where it is darker and where lighter, place by place",
    }
    if not isinstance(answer, dict):
        raise Wrong(f"expected a dict, double -> word, got {answer!r:.60}.")
    if all(untouched(answer.get(name, "")) for name in pictures):
        raise NotTried
    for name, picture in pictures.items():
        if untouched(answer.get(name, ...)):
            raise Wrong(f"{name}: no answer yet.")
        word = str(answer[name]).strip().lower()
        if word not in why:
            raise Wrong(f"{name}: expected content, look or nothing, got {answer[name]!r:.60}.")
        first, second = near_duplicates([dhash(pil_to_tensor(each)) for each in (cat, picture)])
        same = picture.tobytes() == cat.tobytes()
        right = "content" if same else "look" if first == second else "nothing"
        if word != right:
            raise Wrong(f"{name}: it is not {word}. Hint: {why[right]}.")

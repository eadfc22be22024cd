"""Which photographs are trained on, and which are validated on."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from course_utils.plumbing.cache import Entry
from course_utils.plumbing.duplicates import kept_groups

VAL_SHARE = 0.1


NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


def named_splits(folders: Iterable[str]) -> dict[str, str]:
    """The splits that folder names stand for: name -> "train", "val" or "test"; empty if no folder
    is for training."""
    stems = {folder: re.sub(r"[-_ ]?\d*$", "", folder.lower()) for folder in folders}  # val2017
    named = {folder: NAMES[stem] for folder, stem in stems.items() if stem in NAMES}
    return named if "train" in named.values() else {}


def content_splits(entries: list[Entry], root: Path, progress: bool = False) -> list[str]:
    """The split of each file below `root`, by its content."""
    groups = kept_groups([entry.dhash for entry in entries], root, progress)
    share = _content_numbers(entries, groups)
    readable = {number for number, entry in zip(share, entries, strict=True) if entry.row >= 0}
    if len(readable) == 1:  # they all look alike, and yet there must be two sides
        share = _content_numbers(entries, list(range(len(entries))))
        readable = {number for number, entry in zip(share, entries, strict=True) if entry.row >= 0}
    # Even a tiny folder has one to validate on, and one to train on.
    limit = max(VAL_SHARE, min(readable, default=0.0))
    if len(readable) > 1 and max(readable) <= limit:
        limit = min(readable)
    return ["val" if number <= limit else "train" for number in share]


def _content_numbers(entries: list[Entry], group: list[int]) -> list[float]:
    """A number in [0, 1) for each file, from the content of all files in its group."""
    digests: dict[int, str] = {}
    for number, entry in zip(group, entries, strict=True):
        digests[number] = min(digests.get(number, entry.digest), entry.digest)
    share = {number: hashlib.sha256(text.encode()).digest() for number, text in digests.items()}
    return [int.from_bytes(share[number][:8]) / 2**64 for number in group]

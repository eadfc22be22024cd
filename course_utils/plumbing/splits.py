"""Which photographs are trained on, and which are validated on."""

import hashlib

from course_utils.plumbing.cache import Entry
from course_utils.plumbing.duplicates import near_duplicates

VAL_SHARE = 0.1


def splits(entries: list[Entry]) -> list[str]:
    """The split of each file: by its folder where there is train/ and val/, else by content."""
    first = [entry.name.split("/")[0] for entry in entries]
    if {"train", "val"} <= set(first):
        return [folder if folder in ("train", "val") else "neither" for folder in first]
    share = _content_numbers(entries, near_duplicates([entry.dhash for entry in entries]))
    readable = {number for number, entry in zip(share, entries, strict=True) if entry.row >= 0}
    if len(readable) == 1:  # they all look alike, and yet there must be two sides
        share = _content_numbers(entries, list(range(len(entries))))
        readable = {number for number, entry in zip(share, entries, strict=True) if entry.row >= 0}
    # Even a tiny folder has one to validate on.
    limit = max(VAL_SHARE, min(readable, default=0.0))
    return ["val" if number <= limit else "train" for number in share]


def _content_numbers(entries: list[Entry], group: list[int]) -> list[float]:
    """A number in [0, 1) for each file, from the content of all files in its group."""
    digests: dict[int, str] = {}
    for number, entry in zip(group, entries, strict=True):
        digests[number] = min(digests.get(number, entry.digest), entry.digest)
    share = {number: hashlib.sha256(text.encode()).digest() for number, text in digests.items()}
    return [int.from_bytes(share[number][:8]) / 2**64 for number in group]

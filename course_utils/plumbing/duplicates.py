"""Photographs that are nearly the same: a hash of what they show, and groups of alike hashes."""

import glob
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
from torch import Tensor

from course_utils.plumbing.files import data_home, short_hash, write_atomic
from course_utils.plumbing.progress import progress_bar

SAME = 7  # bits of 128 in which the hashes of near-duplicates may differ


def dhash(pixels: Tensor) -> str:
    """The difference hash of a picture, uint8 (3, H, W): 128 bits as 32 hexadecimal digits.

    The picture is averaged down to 9 x 9 areas. A bit says whether one of 8 x 8 areas is darker
    than its neighbor to the right, or than the one below. Resizing and compression change few of
    them. An even picture has no differences, and an empty hash."""
    step = max(1, min(pixels.shape[1:]) // 128)
    green = np.ascontiguousarray(pixels.numpy()[1, ::step, ::step])  # most of the luminance
    down, across, area = _ninths(*green.shape)
    means = down @ green.astype(np.float32) @ across / area  # (9, 9)
    here = means[:8, :8]
    bits = np.packbits((means[:8, 1:] > here, means[1:, :8] > here))
    return bits.tobytes().hex() if bits.any() else ""


@lru_cache(64)
def _ninths(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrices that sum a picture (height, width) over 9 x 9 areas: (9, height) from the left,
    (width, 9) from the right. Third, the number of pixels of each area, (9, 9)."""

    def ninths(length: int) -> np.ndarray:
        edges = np.arange(9) * length // 9, -(-np.arange(1, 10) * length // 9)
        place = np.arange(length)
        return np.float32((place >= edges[0][:, None]) & (place < edges[1][:, None]))

    down, across = ninths(height), ninths(width)
    return down, across.T, np.outer(down.sum(1), across.sum(1))


def kept_groups(hashes: list[str], root: Path, progress: bool = False) -> list[int]:
    """The `near_duplicates` of a folder's pictures, kept on disk until the hashes change."""
    place, whole = data_home() / "cache", root.resolve()
    stem = f"{whole.name[:40]}-alike-{short_hash(whole.as_posix())}"
    file = place / f"{stem}-{short_hash(' '.join(hashes))}"
    with suppress(OSError):  # not there
        kept = np.fromfile(file, np.int64)
        if len(kept) == len(hashes):
            return kept.tolist()
    groups = near_duplicates(hashes, progress)
    with suppress(OSError):  # a full or locked disk: they are sought again the next time
        for earlier in place.glob(f"{glob.escape(stem)}-*"):
            earlier.unlink()
        write_atomic(file, np.array(groups, np.int64).tobytes())
    return groups


def near_duplicates(hashes: list[str], progress: bool = False) -> list[int]:
    """Group pictures whose hashes (see `dhash`) differ in few bits.

    Two hashes that differ in at most 7 of 128 bits agree in at least one of their 8 parts of 16
    bits, so only pictures that share a part are compared.

    Returns:
        a group's number for each picture; a picture without a hash has a group of its own.
    """
    parent, first = list(range(len(hashes))), {}
    for n, each in enumerate(hashes):
        if each:
            parent[n] = first.setdefault(each, n)

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    pictures = list(first.values())  # one of each hash
    parts = np.frombuffer(bytes.fromhex("".join(first)), np.uint16).reshape(-1, 8)
    work = {"total": parts.size, "desc": "comparing photographs", "unit": "part"}
    with progress_bar(**work, disable=not progress, delay=1) as bar:
        for part in parts.T:
            order = part.argsort(kind="stable")
            for sharing in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
                for a, b in _alike(parts, sharing):
                    parent[root(pictures[a])] = root(pictures[b])
                bar.update(len(sharing))
    return [root(n) for n in range(len(hashes))]


def _alike(parts: np.ndarray, rest: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield pairs of near-duplicates in `rest`, just enough to connect each group: a picture that
    has joined a group is compared only with pictures that are in none."""
    while len(rest) > 1:
        found, rest = [rest[0]], rest[1:]
        while found and len(rest):
            one = found.pop()
            near = np.bitwise_count(parts[rest] ^ parts[one]).sum(axis=1) <= SAME
            yield from ((one, each) for each in rest[near])
            found.extend(rest[near])
            rest = rest[~near]

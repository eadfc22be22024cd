"""Photographs that are nearly the same: a hash of what they show, and groups of alike hashes."""

from functools import lru_cache
from itertools import combinations

import numpy as np
from torch import Tensor

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


def near_duplicates(hashes: list[str]) -> list[int]:
    """Group pictures whose hashes (see `dhash`) differ in few bits.

    Two hashes that differ in at most 7 of 128 bits agree in at least one of their 8 parts of 16
    bits, so only pictures that share a part are compared.

    Returns:
        a group's number for each picture; a picture without a hash has a group of its own.
    """
    parent = list(range(len(hashes)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    bits = [int(each, 16) if each else None for each in hashes]
    for part in range(8):
        same: dict[str, list[int]] = {}
        for n, each in enumerate(hashes):
            if each:
                same.setdefault(each[4 * part : 4 * part + 4], []).append(n)
        for members in same.values():
            for a, b in combinations(members, 2):
                if (bits[a] ^ bits[b]).bit_count() <= SAME:
                    parent[root(a)] = root(b)
    return [root(n) for n in range(len(hashes))]

"""Lab pictures that are not in memory: in a file, or made by a dataset when they are asked for."""

import mmap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_utils.plumbing.arrays import to_lab

KEPT_MAPPED = 16 * 2**20  # bytes read from a file before its pages are given back


class Pictures:
    """(N, 3, H, W) float16, indexed like a tensor; what comes back is a tensor in memory."""

    shape: tuple[int, int, int, int]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice | list[int] | Tensor | tuple) -> Tensor:
        if isinstance(index, tuple):  # rows first, and then what is asked of them
            first, *rest = index
            chosen = self[first]
            return chosen[tuple(rest) if chosen.ndim == 3 else (slice(None), *rest)]
        numbers = np.arange(len(self))[index] if isinstance(index, slice) else np.asarray(index)
        return self.read(numbers) if numbers.ndim else self.read(numbers[None])[0]

    def read(self, numbers: np.ndarray) -> Tensor:
        """Those with these numbers (n,), as (n, 3, H, W)."""
        raise NotImplementedError


class PicturesInFile(Pictures):
    """Rows of a file of float16 (..., 3, size, size)."""

    def __init__(self, file: Path, rows: np.ndarray, size: int) -> None:
        self.file, self.rows, self.size = file, np.asarray(rows), size
        self.shape = (len(self.rows), 3, size, size)
        self._map, self._read = np.memmap(file, np.float16, "r").reshape(-1, 3, size, size), 0

    def __reduce__(self) -> tuple:
        return PicturesInFile, (self.file, self.rows, self.size)  # another process maps it again

    def read(self, numbers: np.ndarray) -> Tensor:
        taken = torch.from_numpy(np.asarray(self._map.take(self.rows[numbers], axis=0)))
        self._read += taken.nbytes
        if self._read > KEPT_MAPPED:
            self._forget()
        return taken

    def _forget(self) -> None:
        """Give the pages back; the system keeps them for as long as it has room."""
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows, which does so by itself
            self._map._mmap.madvise(mmap.MADV_DONTNEED)
        self._read = 0


class PicturesOnDemand(Pictures):
    """`picture(number)` makes each (3, size, size), every time that it is asked for."""

    def __init__(self, picture: Callable[[int], Tensor], shape: tuple[int, int, int, int]) -> None:
        self.picture, self.shape = picture, shape

    def read(self, numbers: np.ndarray) -> Tensor:
        """Raises TypeError or ValueError for numbers that are not Lab."""
        lab = torch.empty(len(numbers), *self.shape[1:], dtype=torch.float16)
        for row, number in zip(lab, numbers.tolist(), strict=True):
            row.copy_(self.picture(number))
        return to_lab(lab)

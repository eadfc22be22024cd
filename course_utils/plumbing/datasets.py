"""What people pass as pictures, as a `LabDataset`."""

from collections.abc import Mapping
from math import prod
from os import PathLike

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset, Subset

from course_utils.data import LabDataset, load_dataset
from course_utils.plumbing.arguments import described
from course_utils.plumbing.files import short_hash
from course_utils.plumbing.pictures import PicturesOnDemand

MOST_IN_MEMORY = 2**30  # bytes of Lab
Source = LabDataset | Dataset | str | PathLike


def to_dataset(
    name: str, source: Source, size: int, split: str, progress: bool = False
) -> LabDataset:
    """Convert any source of pictures to a `LabDataset`.

    Args:
        name: of the argument, for error messages.
        source: a `LabDataset`; the name of a source or a folder, which is opened at this size and
            split; or any dataset whose items are L (1, H, W) and ab (2, H, W) in CIE units, all of
            one size. Up to 1 GiB of Lab is read into memory once; more is read in every epoch.
    Raises:
        TypeError: anything else.
        ValueError: see `load_dataset` and `LabDataset`.
    """
    if isinstance(source, LabDataset):
        return source
    if isinstance(source, str | PathLike):
        return load_dataset(source, size, split, progress)
    counted = hasattr(source, "__len__") and hasattr(source, "__getitem__")
    if not counted or isinstance(source, Mapping):
        hint = "; pass its .dataset" if hasattr(source, "dataset") else ""
        raise TypeError(
            f"{name}: expected a dataset of L and ab, a source's name or a folder, got "
            f"{described(source)}{hint}"
        )
    names = _names(source)
    if len(source) == 0:
        return LabDataset(torch.empty(0, 3, size, size), names)
    first = _joined(name, source[0])

    def picture(number: int) -> Tensor:
        made = _joined(name, source[number])
        if made.shape != first.shape:
            sizes = " and ".join(str(tuple(each.shape[1:])) for each in (first, made))
            raise ValueError(f"{name}: expected pictures of one size, got {sizes}; resize them")
        return made

    pictures = PicturesOnDemand(picture, (len(source), *first.shape))
    if prod(pictures.shape) * torch.float16.itemsize <= MOST_IN_MEMORY:
        return LabDataset(pictures[:], names)
    some = slice(None, None, len(source) // 64 + 1)
    fingerprint = LabDataset(pictures[some], names[some]).fingerprint
    return LabDataset(pictures, names, fingerprint=short_hash(f"{fingerprint} {names}"))


def _joined(name: str, item: object) -> Tensor:
    """L (1, H, W) and ab (2, H, W) as (3, H, W)."""
    parts = item if isinstance(item, tuple | list) else [item]
    try:
        lightness, ab = map(torch.as_tensor, parts)
        if (len(lightness), len(ab)) == (1, 2):
            return torch.cat((lightness, ab))
    except (TypeError, ValueError, RuntimeError):  # no numbers, or of other shapes
        pass
    raise TypeError(
        f"{name}: expected pictures as L (1, H, W) and ab (2, H, W), got "
        f"{' and '.join(map(described, parts))}"
    )


def _names(source: Dataset) -> list[str]:
    if isinstance(source, Subset):
        names = _names(source.dataset)
        return [names[number] for number in source.indices]
    if isinstance(source, ConcatDataset):
        return [name for part in source.datasets for name in _names(part)]
    return list(getattr(source, "names", [f"picture {number}" for number in range(len(source))]))

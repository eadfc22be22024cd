"""Open a source of photographs, by name or folder, as batches of Lab pictures. Lesson 2.

Sources: `scenes` (generated landscapes, see `scenes.py`), `samples` (photographs inside the
packages that the course needs), what `course data fetch` downloads (see `download.py`), and any
folder of photographs. Every picture is decoded, resized and converted once, into a cache on disk
(see `cache.py`). No file is dropped silently: the report accounts for every one.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from course_utils.photos import FITS, SAMPLES, Fit, all_files, is_named_picture, sample_path
from course_utils.plumbing.arguments import as_kind, meant
from course_utils.plumbing.arrays import to_lab
from course_utils.plumbing.cache import open_cache
from course_utils.plumbing.download import SOURCES, source_folder
from course_utils.plumbing.limits import check_size
from course_utils.plumbing.pictures import Pictures, PicturesInFile
from course_utils.plumbing.progress import progress_bar
from course_utils.plumbing.splits import content_splits, named_splits
from course_utils.scenes import AT_ONCE, render

SCENE_COUNTS = {"train": 4000, "val": 256, "all": 4256}
MOST_SCENES = 2**32  # bytes in memory
SPLITS = ("train", "val", "all")
GRAY_CHROMA = 4.0  # mean chroma under which a photograph counts as gray


@dataclass
class Report:
    """What became of every file: the first five fields add up to all files of the folder."""

    used: int = 0
    gray: list[str] = field(default_factory=list)  # left out of training
    broken: dict[str, str] = field(default_factory=dict)  # name -> why it cannot be read
    other: list[str] = field(default_factory=list)  # without a picture's extension
    elsewhere: int = 0  # in another split
    folders: dict[str, str] = field(default_factory=dict)  # named after a split -> that split

    @property
    def files(self) -> int:
        return self.used + len(self.gray) + len(self.broken) + len(self.other) + self.elsewhere

    def __str__(self) -> str:
        text = f"{self.used} used, {len(self.gray)} gray left out, {len(self.broken)} unreadable"
        if self.elsewhere:
            text += f", {self.elsewhere} in another split"
        if self.other:
            text += f", {len(self.other)} not pictures"
        lines = [text, *(f"  unreadable {name}: {why}" for name, why in self.broken.items())]
        if self.named:
            lines.append(f"  {self.named}")
        return "\n".join(lines)

    @property
    def named(self) -> str:
        """A note on folders taken for a split by name; empty if all are called train or val."""
        if all(folder in ("train", "val") for folder in self.folders):
            return ""
        told = ", ".join(f"{folder}/ is {split}" for folder, split in self.folders.items())
        rest = "; others are left out" if "val" in self.folders.values() and self.elsewhere else ""
        return f"by the names of folders: {told}{rest}"


class LabDataset(Dataset):
    """Pictures of one size, as Lab.

    Attributes:
        lab: (N, 3, size, size) float16, CIE units (rounding error at most 0.04): a tensor in
            memory, or `Pictures` that are read on demand (see `plumbing.pictures`). Can be given
            as a NumPy array, and in other float types.
        names: N names, for reports and captions.
        report: what became of the files that it was made from.
        l2_floor: the lowest MSE(ab) that a model can be expected to reach; None if unknown.
        fingerprint: a hash of the pictures and their order.
    Raises:
        TypeError, ValueError: values that are not Lab, or a number of names other than N.
    """

    def __init__(
        self,
        lab: Tensor | np.ndarray | Pictures,
        names: list[str],
        report: Report | None = None,
        l2_floor: float | None = None,
        fingerprint: str | None = None,
    ) -> None:
        if not isinstance(lab, Pictures):  # those are checked when they are made
            lab = to_lab(lab)
        if len(names) != len(lab):
            raise ValueError(
                f"names: expected one for each of {len(lab)} pictures, got {len(names)}"
            )
        report = Report(used=len(lab)) if report is None else report
        self.lab, self.names, self.report, self.l2_floor = lab, names, report, l2_floor
        self._fingerprint = fingerprint

    def __len__(self) -> int:
        return len(self.lab)

    def __getitem__(self, index: int | slice) -> tuple[Tensor, Tensor]:
        """L (1, H, W) and ab (2, H, W), float32 in CIE units: the input and the target. For a slice
        (B, 1, H, W) and (B, 2, H, W)."""
        lab = self.lab[index].float()
        return lab[..., :1, :, :], lab[..., 1:, :, :]

    @property
    def size(self) -> int:
        return self.lab.shape[-1]

    @property
    def fingerprint(self) -> str:
        if self._fingerprint is None:
            pixels = self.lab[:].cpu().numpy()
            self._fingerprint = hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest()[:16]
        return self._fingerprint


def load_dataset(
    name_or_path: str | Path,
    size: int = 64,
    split: str = "train",
    progress: bool = False,
    fit: Fit = "stretch",
    gray_chroma: float = GRAY_CHROMA,
) -> LabDataset:
    """Open a source of pictures.

    Args:
        name_or_path: "scenes", "samples", a name in `download.SOURCES`, or a folder of
            photographs (searched recursively).
        size: height and width, a positive multiple of 8 (256 in the mini-project that the course
            grew out of).
        split: "train", "val" or "all". A folder's own train/ and val/ (or valid/, val2017/ and the
            like) are used as such, and a test/ beside train/ is never trained on. In any other
            folder a hash of each file's content puts about a tenth into validation, the same on
            every machine and at every size. Near-duplicates share a split, so adding one can move
            the other.
        progress: show a progress bar while pictures are converted.
        fit: "stretch" to a square, ignoring the aspect ratio, as the mini-project does, or "crop"
            the center.
        gray_chroma: photographs with a lower mean chroma count as gray and are left out of
            "train", where they would teach the network to answer gray.
    Returns:
        The pictures of the split; its `report` says what became of every file.
    Raises:
        TypeError: a source that is not a name or path, or a size that is not a whole number.
        ValueError: an invalid size, split or fit, no such folder, no readable photograph in it,
            or no disk space for the cache.
    """
    name = as_kind("data", name_or_path, str)
    check_size(size)
    if split not in SPLITS:
        raise ValueError(f"split: expected one of {', '.join(SPLITS)}, got {split!r}")
    if fit not in FITS:
        raise ValueError(f"fit: expected one of {', '.join(FITS)}, got {fit!r}")
    if name == "scenes":
        return _open_scenes(size, split, progress)
    if name == "samples":
        paths = {sample_path(each): each for each in SAMPLES}
        root = Path(os.path.commonpath(paths))
        dataset = _open_files(list(paths), [], root, size, split, progress, fit, gray_chroma)
        dataset.names = [paths[root / file] for file in dataset.names]
        return dataset
    root = source_folder(name) if name in SOURCES else Path(name)
    if not root.is_dir():
        kind = "is a file" if root.exists() else "does not exist"
        known = ("scenes", "samples", *SOURCES)
        raise ValueError(
            f"data: expected a folder of photographs or one of {', '.join(map(repr, known))}; "
            f"{root} {kind}{meant(name, known)}"
        )
    pictures, other = [], []
    for file in all_files(root):
        if is_named_picture(file):
            pictures.append(file)
        else:
            other.append(file.relative_to(root).as_posix())
    return _open_files(pictures, other, root, size, split, progress, fit, gray_chroma)


def batches(
    dataset: LabDataset,
    batch_size: int,
    generator: torch.Generator | None = None,
    augmented: bool = False,
    device: str | torch.device = "cpu",
    size: int | None = None,
    first: int = 0,
    deal: Callable[[Tensor], Tensor] | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Iterate once over a dataset in batches of L (B, 1, H, W) and ab (B, 2, H, W), float32.

    An incomplete last batch is kept.

    Args:
        dataset: the pictures.
        batch_size: B, across all processes.
        generator: shuffles the pictures; without one they keep their order.
        augmented: apply `flip_and_crop`.
        device: where the batches are moved to.
        size: height and width of augmented pictures; by default those of the dataset.
        first: index of the first batch to return; skipped ones use up their random numbers.
        deal: selects this process's part of the indices 0..B - 1 of a batch, see
            `plumbing.processes`.
    """
    for number, chosen in enumerate(epoch_order(dataset, generator).split(batch_size)):
        uniform = torch.rand(4, len(chosen), generator=generator) if augmented else None
        if number < first:
            continue
        if deal is not None:
            mine = deal(torch.arange(len(chosen)))
            chosen, uniform = chosen[mine], None if uniform is None else uniform[:, mine]
        if len(chosen) == 0:
            continue
        lab = _float32(dataset.lab[chosen].to(device))
        if augmented:
            lab = flip_and_crop(lab, uniform=uniform, size=size)
        yield lab[:, :1], lab[:, 1:]


def _float32(lab: Tensor) -> Tensor:
    """`lab.float()`; on the CPU into NumPy's memory, whose large pages make it faster."""
    if lab.device.type != "cpu":
        return lab.float()
    return torch.from_numpy(np.empty(lab.shape, np.float32)).copy_(lab)


def epoch_order(dataset: LabDataset, generator: torch.Generator | None = None) -> Tensor:
    """The indices (N,) of the pictures, in the order in which `batches` visits them."""
    if generator is None:
        return torch.arange(len(dataset))
    return torch.randperm(len(dataset), generator=generator)


def flip_and_crop(
    lab: Tensor,
    generator: torch.Generator | None = None,
    size: int | None = None,
    uniform: Tensor | None = None,
) -> Tensor:
    """Randomly flip each picture horizontally, and crop a random part, 60 to 100 % of its side.

    Both are one resampling, by an affine map from the result to the original.

    Args:
        lab: (B, 3, H, W).
        generator: source of the random numbers.
        size: height and width of the result; by default those of `lab`. Crops of pictures larger
            than this stay sharp.
        uniform: (4, B) uniform random numbers in [0, 1); by default drawn from `generator`.
    Returns:
        (B, 3, size, size) of the same type and device.
    """
    uniform = torch.rand(4, len(lab), generator=generator) if uniform is None else uniform
    uniform = uniform.to(lab.device)
    zoom = 0.6 + 0.4 * uniform[0]
    mirror = torch.where(uniform[1] < 0.5, -1.0, 1.0)
    shift_x, shift_y = (1 - zoom) * (2 * uniform[2] - 1), (1 - zoom) * (2 * uniform[3] - 1)
    nothing = torch.zeros_like(zoom)
    rows = (
        torch.stack((zoom * mirror, nothing, shift_x), dim=1),
        torch.stack((nothing, zoom, shift_y), dim=1),
    )
    height, width = lab.shape[-2:]
    shape = [*lab.shape[:2], size or height, size or width]
    corners = torch.stack(rows, dim=1).to(lab)
    grid = F.affine_grid(corners, shape, align_corners=False)  # (B, H, W, 2)
    return F.grid_sample(lab, grid, padding_mode="border", align_corners=False)


def _open_scenes(size: int, split: str, progress: bool) -> LabDataset:
    first = SCENE_COUNTS["train"] if split == "val" else 0
    numbers = range(first, first + SCENE_COUNTS[split])
    if len(numbers) * 3 * size**2 * torch.float16.itemsize > MOST_SCENES:
        raise ValueError(
            f"size: expected scenes of at most {MOST_SCENES / 2**30:g} GiB, got {size} pixels; "
            "choose a smaller size"
        )
    lab, floor = torch.empty(len(numbers), 3, size, size, dtype=torch.float16), 0.0
    parts = range(0, len(numbers), AT_ONCE)
    bar = progress_bar(iterable=parts, desc=f"painting {split} scenes", disable=not progress)
    for start in bar:
        made = render(numbers[start : start + AT_ONCE], size)
        lab[start : start + AT_ONCE] = torch.cat((made.L, made.ab), dim=1)
        floor += made.l2_floor() * len(made.L) / len(numbers)
    names = [f"scene {number}" for number in numbers]
    return LabDataset(lab, names, Report(used=len(names)), floor)


def _open_files(
    files: list[Path],
    other: list[str],
    root: Path,
    size: int,
    split: str,
    progress: bool,
    fit: Fit,
    gray_chroma: float,
) -> LabDataset:
    if not files:
        raise ValueError(f"data: expected photographs in {root}, found none")
    first = [file.relative_to(root).parts[0] for file in files]
    named = named_splits(sorted(set(first)))
    known = "val" in named.values()  # else everything but test/ is split by content
    mine = [
        split == "all" or (named.get(folder) == split if known else named.get(folder) != "test")
        for folder in first
    ]
    report, rows, names, digests = Report(other=other, folders=named), [], [], []
    report.elsewhere = mine.count(False)
    part = "" if all(mine) else split if known else "not test"
    lab, entries = open_cache(list(compress(files, mine)), root, size, fit, progress, part)
    taken = known or split == "all"  # then near-duplicates do not matter
    if not taken and len({entry.digest for entry in entries if entry.row >= 0}) == 1:
        raise ValueError(
            f"data: expected two different photographs in {root}, one to train on and one to "
            "validate on, got one"
        )
    sides = [split] * len(entries) if taken else content_splits(entries, root, progress)
    for entry, side in zip(entries, sides, strict=True):
        if split not in (side, "all"):
            report.elsewhere += 1
        elif entry.row < 0:
            report.broken[entry.name] = entry.problem
        elif split == "train" and entry.chroma < gray_chroma:
            report.gray.append(entry.name)
        else:
            rows.append(entry.row)
            names.append(entry.name)
            digests.append(entry.digest)
    report.used = len(rows)
    if not rows:
        told = "; ".join(line.strip() for line in str(report).splitlines()[:4])  # of many
        raise ValueError(f"data: expected color photographs in {root} ({split}), got: {told}")
    text = "\n".join((f"{size} {fit}", *digests))
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:16]
    return LabDataset(PicturesInFile(lab, np.array(rows), size), names, report, None, fingerprint)

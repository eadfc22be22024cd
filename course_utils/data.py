"""From a folder of anything, or a source by name, to a clean set of Lab pictures.

Sources: `scenes` (generated landscapes, see `scenes.py`), `samples` (photographs that come
with scikit-image) and any folder of photographs, with or without train/ and val/ inside.
Every picture is decoded, resized and converted once; what cannot be read is reported, never
silently dropped.
"""

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset
from tqdm import tqdm

from course_utils.color import rgb_to_lab
from course_utils.scenes import SLAB, check_size, render

SAMPLES = {  # photographs inside the scikit-image package: nothing is downloaded
    "astronaut": "astronaut.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
    "motorcycle": "motorcycle_left.png",
}
SCENE_COUNTS = {"train": 4000, "val": 256, "all": 4256}
SPLITS = ("train", "val", "all")
VAL_SHARE = 0.1
GRAY_CHROMA = 4.0  # mean chroma under which a photograph counts as gray


@dataclass
class Report:
    """What became of every file: used + gray + broken adds up to all of them."""

    used: int = 0
    gray: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)  # name -> reason

    def __str__(self) -> str:
        lines = [f"{self.used} used, {len(self.gray)} gray left out, {len(self.broken)} unreadable"]
        lines += [f"  unreadable {name}: {why}" for name, why in self.broken.items()]
        return "\n".join(lines)


class LabDataset(Dataset):
    """Pictures of one size, as Lab, in memory.

    Attributes:
        lab: (N, 3, H, W) float16, CIE units (rounding error at most 0.04).
        names: N names, for reports and captions.
        report: what became of the files that it was made from.
        l2_floor: the MSE(ab) that no model can be expected to beat, where it is known.
    """

    def __init__(
        self, lab: Tensor, names: list[str], report: Report, l2_floor: float | None = None
    ) -> None:
        self.lab, self.names, self.report, self.l2_floor = lab, names, report, l2_floor

    def __len__(self) -> int:
        return len(self.lab)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """L (1, H, W) and ab (2, H, W), float32 in CIE units: the question and the answer."""
        lab = self.lab[index].float()
        return lab[:1], lab[1:]

    @property
    def size(self) -> int:
        return self.lab.shape[-1]


def open_source(
    name_or_path: str | Path, size: int = 64, split: str = "train", progress: bool = False
) -> LabDataset:
    """Open a source of pictures.

    Args:
        name_or_path: "scenes", "samples", or a folder of photographs (searched recursively).
        size: height and width, a positive multiple of 8. Pictures are resized to it without
            regard to their aspect, as in the mini-project (which used 256).
        split: "train", "val" or "all". A folder with train/ and val/ inside is taken at its
            word, any other is split by a hash of each file's content. Gray photographs are
            left out of "train": they would teach that the answer is gray.
        progress: show a progress bar while a folder is read.
    Raises:
        ValueError: a bad size or split, no such folder, or nothing readable in it.
    """
    check_size(size)
    if split not in SPLITS:
        raise ValueError(f"split: expected one of {', '.join(SPLITS)}, got {split!r}")
    if name_or_path == "scenes":
        return _open_scenes(size, split, progress)
    if name_or_path == "samples":
        names = {sample_path(name): name for name in SAMPLES}
        root = sample_path("cat").parent
        dataset = _open_files(_hash_split(list(names), split), root, size, split, progress)
        dataset.names = [names[root / file] for file in dataset.names]
        return dataset
    root = Path(name_or_path)
    if not root.is_dir():
        kind = "is a file" if root.exists() else "does not exist"
        raise ValueError(
            f"data: expected a folder of photographs, 'scenes' or 'samples'; {root} {kind}"
        )
    if (root / "train").is_dir() and (root / "val").is_dir():
        folders = [root / part for part in ("train", "val") if split in (part, "all")]
        files = [file for folder in folders for file in _image_files(folder)]
    else:
        files = _hash_split(_image_files(root), split)
    if not files:
        raise ValueError(f"data: expected photographs in {root}, found none for split '{split}'")
    return _open_files(files, root, size, split, progress)


def read_photo(source: str | Path | Image.Image) -> Image.Image:
    """Any picture as 8-bit RGB: upright, transparency over white, 16 bits scaled to 8.

    Raises:
        ValueError: the file is missing, or not a picture that can be read.
    """
    try:
        image = source if isinstance(source, Image.Image) else Image.open(source)
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith(("I", "F")):
            return _deep_to_rgb(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(white, image).convert("RGB")
        return image.convert("RGB")
    except FileNotFoundError:
        raise ValueError(f"{source}: expected a photograph, no such file") from None
    except Exception as error:  # Pillow's readers raise whatever they like
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = "something else"
        raise ValueError(
            f"{source}: expected a picture that Pillow can read, got: {reason}"
        ) from error


def photo_to_lab(image: Image.Image, size: tuple[int, int] | None = None) -> Tensor:
    """An RGB picture, resized to (width, height) if asked, as Lab (3, H, W) float32."""
    if size is not None and image.size != size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(image))  # (H, W, 3) uint8
    return rgb_to_lab(pixels.permute(2, 0, 1))


def mean_chroma(lab: Tensor) -> Tensor:
    """How colorful a picture is: mean of sqrt(a^2 + b^2). (..., 3, H, W) -> (...)."""
    a, b = lab[..., 1, :, :].float(), lab[..., 2, :, :].float()
    return torch.hypot(a, b).mean(dim=(-2, -1))


def sample_path(name: str) -> Path:
    """Where a photograph of scikit-image's lies on this machine."""
    import skimage.data

    if name not in SAMPLES:
        raise ValueError(f"sample: expected one of {', '.join(SAMPLES)}, got {name!r}")
    return Path(skimage.data.__file__).parent / SAMPLES[name]


def sample_photo(name: str) -> Image.Image:
    """One of `SAMPLES`, as RGB."""
    return read_photo(sample_path(name))


def batches(
    dataset: LabDataset,
    batch_size: int,
    generator: torch.Generator | None = None,
    augmented: bool = False,
    device: str | torch.device = "cpu",
) -> Iterator[tuple[Tensor, Tensor]]:
    """Go through a dataset once: L (B, 1, H, W) and ab (B, 2, H, W), float32.

    Shuffled by `generator`, in order without one. An incomplete last batch is kept.
    """
    count = len(dataset)
    order = torch.arange(count) if generator is None else torch.randperm(count, generator=generator)
    for chosen in order.split(batch_size):
        lab = dataset.lab[chosen].to(device).float()
        if augmented:
            lab = flip_and_crop(lab, generator)
        yield lab[:, :1], lab[:, 1:]


def flip_and_crop(lab: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Mirror each picture with a chance of one half, and zoom into a random 70 to 100 % of it.

    Both are one resampling: an affine map from the corners of the result to the original.
    lab is (B, 3, H, W), and so is the result.
    """
    dice = torch.rand(4, len(lab), generator=generator).to(lab.device)
    zoom = 0.7 + 0.3 * dice[0]
    mirror = torch.where(dice[1] < 0.5, -1.0, 1.0)
    shift_x, shift_y = (1 - zoom) * (2 * dice[2] - 1), (1 - zoom) * (2 * dice[3] - 1)
    nothing = torch.zeros_like(zoom)
    rows = (
        torch.stack((zoom * mirror, nothing, shift_x), dim=1),
        torch.stack((nothing, zoom, shift_y), dim=1),
    )
    grid = F.affine_grid(torch.stack(rows, dim=1), list(lab.shape), align_corners=False)
    return F.grid_sample(lab, grid, padding_mode="border", align_corners=False)


def progress_bar(**options: object) -> tqdm:
    """A bar with the time left; on stdout in a notebook, which shows stderr as a warning."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    stream = sys.stderr if get_ipython() is None else sys.stdout
    return tqdm(file=stream, mininterval=0.5, **options)


def _open_scenes(size: int, split: str, progress: bool) -> LabDataset:
    first = SCENE_COUNTS["train"] if split == "val" else 0
    numbers = range(first, first + SCENE_COUNTS[split])
    lab, floor = torch.empty(len(numbers), 3, size, size, dtype=torch.float16), 0.0
    parts = range(0, len(numbers), SLAB)
    bar = progress_bar(iterable=parts, desc=f"painting {split} scenes", disable=not progress)
    for start in bar:
        made = render(numbers[start : start + SLAB], size)
        lab[start : start + SLAB] = torch.cat((made.L, made.ab), dim=1)
        floor += made.l2_floor() * len(made.L) / len(numbers)
    names = [f"scene {number}" for number in numbers]
    return LabDataset(lab, names, Report(used=len(names)), floor)


def _open_files(files: list[Path], root: Path, size: int, split: str, progress: bool) -> LabDataset:
    report, pictures, names = Report(), [], []
    bar = progress_bar(iterable=files, desc=f"reading {split}", unit="photo", disable=not progress)
    for file in bar:
        name = file.relative_to(root).as_posix()
        try:
            lab = photo_to_lab(read_photo(file), (size, size))
        except ValueError as error:
            report.broken[name] = str(error).removeprefix(f"{file}: ")
            continue
        if split == "train" and mean_chroma(lab) < GRAY_CHROMA:
            report.gray.append(name)
            continue
        pictures.append(lab.half())
        names.append(name)
    report.used = len(pictures)
    if not pictures:
        raise ValueError(f"data: expected color photographs in {root} ({split}), got: {report}")
    return LabDataset(torch.stack(pictures), names, report)


def _image_files(folder: Path) -> list[Path]:
    """Every file below that its ending calls a picture, broken ones and dead links too."""
    kinds = Image.registered_extensions()
    readable = {ending for ending, kind in kinds.items() if kind in Image.OPEN}
    readable -= {".eps", ".ps"}  # programs, for which Pillow would start an interpreter
    readable |= {".heic", ".heif"}  # not readable, but not to be lost in silence either
    found = (file for file in folder.rglob("*") if file.suffix.lower() in readable)
    return sorted(file for file in found if file.is_file() or file.is_symlink())


def _hash_split(files: list[Path], split: str) -> list[Path]:
    """The same split on every machine: by content, so that copies stay on one side."""
    if split == "all" or not files:
        return files
    share = {file: _content_number(file) for file in files}
    limit = VAL_SHARE
    if not any(share[file] <= limit and _is_readable(file) for file in files):
        # Even a tiny folder has one to validate on.
        limit = min((share[file] for file in files if _is_readable(file)), default=limit)
    return [file for file in files if (share[file] <= limit) == (split == "val")]


def _is_readable(file: Path) -> bool:
    try:
        return read_photo(file) is not None
    except ValueError:
        return False


def _content_number(file: Path) -> float:
    """A number in [0, 1) made from the file's content."""
    try:
        digest = hashlib.sha256(file.read_bytes()).digest()
    except OSError:  # unreadable: the reader will say so
        return 1.0
    return int.from_bytes(digest[:8]) / 2**64


def _deep_to_rgb(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and float gray: 65535 and 1.0 are white, by the range that is used."""
    values = np.asarray(image, dtype=np.float64)
    most = values[np.isfinite(values)].max(initial=0)
    # A float picture may overshoot its white a little.
    white = 65535 if most > 256 else 255 if most > 2 else 1
    if image.mode != "F":
        white = 65535 if most > 255 or image.mode.startswith("I;16") else 255
    gray = np.nan_to_num(np.clip(values / white, 0, 1)) * 255
    return Image.fromarray(gray.round().astype(np.uint8)).convert("RGB")

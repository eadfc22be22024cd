"""A photograph of any size in, a color photograph of the same size out. Lesson 5.

The photograph's own L is kept at full resolution; the network sees a small copy of it, and
the ab that it answers are enlarged, led by the edges of L so that they do not bleed.
"""

from functools import cache
from os import PathLike
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from course_utils.color import lab_to_uint8, rgb_to_lightness
from course_utils.network import ColorizationNet, bf16_is_fast, device_of
from course_utils.photos import pil_to_tensor, read_photo, resize
from course_utils.plumbing.arguments import as_kind, described, meant
from course_utils.plumbing.arrays import Photo
from course_utils.plumbing.limits import MOST_SEEN, STRIDE, check_view
from course_utils.plumbing.weights import fetch_zhang2016, read_network

_HERE = Path(__file__).resolve().parent
# Trained weights, their cards and logs: part of an installed package, or beside it in a clone.
WEIGHTS = next(filter(Path.is_dir, (_HERE / "trained", _HERE.parent / "data" / "weights")))
BAND = 128  # rows that are colored at a time
LONGEST = 8  # the network's view of a thin strip is at most this many times as long as wide


def load_model(
    path_or_name: str | Path, device: str | None = None, fast: bool = False
) -> ColorizationNet:
    """A trained network, ready to use. Its `size` is the one that it was trained at.

    Args:
        path_or_name: a weights file, or the name of one in data/weights, such as "landscapes";
            "zhang2016" is the network that the authors of the paper published (downloaded once,
            129 MB).
        device: "cpu" or "cuda"; by default a GPU where there is one.
        fast: convolve in bfloat16 where the hardware has it. It takes about half the time, and
            moves ab by some tenths: to look at pictures, not to compare figures.
    Raises:
        ValueError: no such weights, not a weights file of the course, or no connection.
    """
    name = as_kind("weights", path_or_name, str)
    path = Path(name)
    if name == "zhang2016":
        path = fetch_zhang2016()
    elif path.suffix != ".safetensors":
        path = WEIGHTS / f"{name}.safetensors"
        if not path.exists():
            known = [*sorted(file.stem for file in WEIGHTS.glob("*.safetensors")), "zhang2016"]
            raise ValueError(
                f"weights: expected a .safetensors file or one of: {', '.join(known)}; "
                f"got {name!r}{meant(name, known)}"
            )
    model = read_network(path)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if fast and bf16_is_fast(device):
        model.use_bfloat16()
    return model.to(device, memory_format=torch.channels_last).eval()


@cache
def default_model() -> ColorizationNet:
    """The network for every kind of photograph, loaded once."""
    return load_model("photographs", fast=True)


def to_network(model: ColorizationNet | str | Path | None) -> ColorizationNet:
    """A network as it is, also out of a wrapper; one that is named, loaded; by default the one
    for every kind of photograph."""
    if model is None:
        return default_model()
    if isinstance(model, str | PathLike):
        return load_model(model, fast=True)
    for wrapper in ("module", "_orig_mod"):  # of DataParallel and of torch.compile
        model = getattr(model, wrapper, model)
    if not isinstance(model, ColorizationNet):
        raise TypeError(
            "model: expected a network, such as from load_model, or the name of one, got "
            f"{described(model)}"
        )
    return model


@torch.inference_mode()
def colorize(
    image: Photo | list[Photo],
    model: ColorizationNet | str | Path | None = None,
    size: int | None = None,
    guided: bool = True,
) -> Image.Image | list[Image.Image]:
    """Colorize a photograph; only its L is looked at.

    Args:
        image: a file, what is in one, or a picture; of any size and mode. Also an array, see
            `plumbing.arrays`, or a list of these.
        model: from `load_model` or `training.fit`, or what `load_model` takes; by default the
            network `photographs`.
        size: the shorter side that the network sees, in pixels; by default the size that it
            was trained at.
        guided: let the edges of L lead those of the colors; else plain bilinear upsampling.
    Returns:
        An upright RGB picture in sRGB, of the same size and with the same L, to within rounding;
        its `info` has the photograph's EXIF. For a list, a list of them.
    Raises:
        TypeError: no picture, or no network.
        ValueError: a picture that cannot be read, a size that is no positive multiple of 8 or too
            large, or a network that answers with NaN or infinity.
    """
    model = to_network(model)
    if isinstance(image, list | tuple):
        return [colorize(each, model, size, guided) for each in image]
    size = model.size if size is None else size
    check_view(size)
    photo = read_photo(image)
    scale = min(size / min(photo.size), LONGEST * size / max(photo.size))
    scale = min(scale, MOST_SEEN / (photo.width * photo.height) ** 0.5)  # of a strip
    small = tuple(max(STRIDE, STRIDE * round(side * scale / STRIDE)) for side in photo.size)
    width, height = photo.size
    info = {name: photo.info[name] for name in ("exif", "dpi") if name in photo.info}
    pixels = pil_to_tensor(photo)
    del photo
    guide = rgb_to_lightness(resize(pixels, small))[None]  # (1, 1, h, w)
    logits = model.eval().logits(guide.to(device_of(model)))
    if guided:
        ab = joint_bilateral(model.small_ab(logits).float().cpu(), guide)
        answer = lines_of_lightness(ab, guide)  # (1, 4, h, w)
    else:
        answer = model.ab_of(logits).float().cpu()  # (1, 2, h, w)
    if not answer.isfinite().all():
        raise ValueError("weights: expected colors that are numbers, got none; use other weights")
    for top in range(0, height, BAND):  # a band of rows at a time, so that memory is bounded
        band = slice(top, min(top + BAND, height))
        lightness = rgb_to_lightness(pixels[:, band])[None]
        ab = enlarge(answer, height, width, band)
        if guided:
            slope, offset = ab.chunk(2, dim=1)
            ab = slope * lightness + offset
        lab = torch.cat((lightness, ab), dim=1)[0]
        pixels[:, band] = lab_to_uint8(lab, fit=True)  # in their place: they are not read again
    result = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    result.info |= info
    return result


def joint_bilateral(ab: Tensor, guide: Tensor, nearness: float = 0.5, alike: float = 8.0) -> Tensor:
    """Enlarge ab (1, 2, h, w) to the size of an L (1, 1, H, W): each pixel takes the mean of the
    4 x 4 colors around it, those of about its own L above all (Kopf et al., 2007).

    Args:
        nearness: standard deviation of the Gaussian of distance, in pixels of ab.
        alike: that of the Gaussian of the difference in L.
    """
    height, width = guide.shape[-2:]
    rows, columns = ab.shape[-2:]
    coarse = F.adaptive_avg_pool2d(guide, (rows, columns))
    y = (torch.arange(height) + 0.5) * rows / height - 0.5  # where a pixel lies among those of ab
    x = (torch.arange(width) + 0.5) * columns / width - 0.5
    total = weights = 0.0
    for down in range(-1, 3):
        for right in range(-1, 3):
            row, column = y.floor().long() + down, x.floor().long() + right
            place = ((y - row) ** 2)[:, None] + (x - column) ** 2  # (H, W)
            row, column = row.clamp(0, rows - 1)[:, None], column.clamp(0, columns - 1)
            step = guide - coarse[..., row, column]
            weight = torch.exp(-place / (2 * nearness**2) - step**2 / (2 * alike**2)) + 1e-9
            total = total + weight * ab[..., row, column]
            weights = weights + weight
    return total / weights


def guided_upsampling(ab: Tensor, guide: Tensor, lightness: Tensor) -> Tensor:
    """Enlarge ab (1, 2, h, w) to the size of L (1, 1, H, W), led by the edges of L; `guide` is L
    at the size of ab, (1, 1, h, w). `colorize` does the same, some rows at a time."""
    slope, offset = F.interpolate(
        lines_of_lightness(ab, guide), lightness.shape[-2:], mode="bilinear"
    ).chunk(2, dim=1)
    return slope * lightness + offset


def lines_of_lightness(ab: Tensor, guide: Tensor, radius: int = 1, flat: float = 1.0) -> Tensor:
    """Around each pixel a and b as straight lines of L, fitted by least squares: the guided filter
    of He et al. (2013), in its fast form.

    Args:
        ab: (1, 2, h, w).
        guide: L, (1, 1, h, w).
        radius: of the window of the fit, in pixels.
        flat: a window that varies less in L than this has no edges to follow.
    Returns:
        (1, 4, h, w): the slopes of a and b, and their values at L = 0.
    """

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2 * radius + 1, 1, radius, count_include_pad=False)

    level, color = mean(guide), mean(ab)
    slope = mean(guide * ab) - level * color
    slope = slope / (mean(guide * guide) - level * level + flat**2)
    return mean(torch.cat((slope, color - slope * level), dim=1))


def enlarge(small: Tensor, height: int, width: int, rows: slice) -> Tensor:
    """Some rows of what `F.interpolate(small, (height, width), mode="bilinear")` gives."""
    count = small.shape[-2]
    y = (torch.arange(rows.start, rows.stop) + 0.5) * count / height - 0.5
    y = y.clamp(0, count - 1)
    above = y.long()
    below = (above + 1).clamp(max=count - 1)
    lines = small[..., above, :].lerp(small[..., below, :], (y - above)[:, None])
    return F.interpolate(lines, (len(y), width), mode="bilinear")

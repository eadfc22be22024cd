"""A photograph of any size in, a color photograph of the same size out.

The photograph's own L is kept at full resolution; the network sees a small copy of it, and
the ab that it answers are enlarged, led by the edges of L so that they do not bleed.
"""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from course_utils.color import fit_gamut, lab_to_uint8, rgb_to_lightness
from course_utils.metrics import device_of
from course_utils.network import STRIDE, ColorizationNet, bf16_is_fast
from course_utils.photos import pil_to_tensor, read_photo, resize
from course_utils.scenes import check_size
from course_utils.weights import fetch_zhang2016, read_network

_HERE = Path(__file__).resolve().parent
# Trained weights, their cards and logs: part of an installed package, or beside it in a clone.
WEIGHTS = next(filter(Path.is_dir, (_HERE / "trained", _HERE.parent / "data" / "weights")))
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
        fast: convolutions in bfloat16 where the hardware has it. It takes about half the time,
            and moves ab by some tenths: to look at pictures, not to compare figures.
    Raises:
        ValueError: no such weights, not a weights file of the course, or no connection.
    """
    path = Path(path_or_name)
    if path_or_name == "zhang2016":
        path = fetch_zhang2016()
    elif path.suffix != ".safetensors":
        path = WEIGHTS / f"{path_or_name}.safetensors"
        if not path.exists():
            known = (file.stem for file in WEIGHTS.glob("*.safetensors"))
            names = ", ".join((*sorted(known), "zhang2016"))
            raise ValueError(
                f"weights: expected a .safetensors file or one of: {names}; "
                f"got {str(path_or_name)!r}"
            )
    model = read_network(path)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if fast and bf16_is_fast(device):
        model.use_bfloat16()
    return model.to(device, memory_format=torch.channels_last).eval()


@torch.inference_mode()
def colorize(
    image: str | Path | bytes | Image.Image,
    model: ColorizationNet,
    size: int | None = None,
    guided: bool = True,
) -> Image.Image:
    """Colorize a photograph; only its L is looked at.

    Args:
        image: a file, what is in one, or a picture; of any size and mode.
        model: from `load_model` or `training.fit`.
        size: the shorter side that the network sees, in pixels; by default the size that it
            was trained at.
        guided: let the edges of L lead those of the colors; else plain bilinear upsampling.
    Returns:
        An upright RGB picture in sRGB, of the same size and with the same L, to within rounding;
        its `info` has the photograph's EXIF.
    Raises:
        ValueError: a picture that cannot be read, or a size that is no positive multiple of 8.
    """
    size = model.size if size is None else size
    check_size(size)
    photo = read_photo(image)
    scale = min(size / min(photo.size), LONGEST * size / max(photo.size))
    small = tuple(max(STRIDE, STRIDE * round(side * scale / STRIDE)) for side in photo.size)
    pixels = pil_to_tensor(photo)
    guide = rgb_to_lightness(resize(pixels, small))[None]  # (1, 1, h, w)
    logits = model.eval().logits(guide.to(device_of(model)))
    lightness = rgb_to_lightness(pixels)[None]  # (1, 1, H, W)
    if guided:
        ab = joint_bilateral(model.small_ab(logits).float().cpu(), guide)
        ab = guided_upsampling(ab, guide, lightness)
    else:
        ab = F.interpolate(model.ab_of(logits).float().cpu(), lightness.shape[-2:], mode="bilinear")
    lab = fit_gamut(torch.cat((lightness, ab), dim=1)[0])
    result = Image.fromarray(lab_to_uint8(lab).permute(1, 2, 0).numpy())
    result.info |= {name: photo.info[name] for name in ("exif", "dpi") if name in photo.info}
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


def guided_upsampling(
    ab: Tensor, guide: Tensor, lightness: Tensor, radius: int = 1, flat: float = 1.0
) -> Tensor:
    """Enlarge ab (1, 2, h, w) to the size of L (1, 1, H, W): around each small pixel a and b are
    fitted as straight lines of L, and the lines are enlarged (the guided filter of He et al.,
    2013, in its fast form).

    Args:
        guide: L at the size of ab, (1, 1, h, w).
        radius: of the window of the fit, in small pixels.
        flat: a window that varies less in L than this has no edges to follow.
    """

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2 * radius + 1, 1, radius, count_include_pad=False)

    level, color = mean(guide), mean(ab)
    slope = mean(guide * ab) - level * color
    slope = slope / (mean(guide * guide) - level * level + flat**2)
    lines = mean(torch.cat((slope, color - slope * level), dim=1))  # (1, 4, h, w)
    slope, offset = F.interpolate(lines, lightness.shape[-2:], mode="bilinear").chunk(2, dim=1)
    return slope * lightness + offset

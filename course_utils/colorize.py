"""A photograph of any size in, a color photograph of the same size out.

The photograph's own L is kept at full resolution; the network sees a small copy of it, and
the ab that it answers are enlarged. The eye hardly notices: it is sharp in L, not in ab.
"""

from pathlib import Path

import torch
from PIL import Image
from torch.nn import functional as F

from course_utils.color import lab_to_uint8
from course_utils.metrics import device_of
from course_utils.network import STRIDE, ColorizationNet, bf16_is_fast
from course_utils.photos import photo_to_lab, read_photo
from course_utils.scenes import check_size
from course_utils.weights import fetch_zhang2016, read_network

WEIGHTS = Path(__file__).resolve().parent.parent / "data" / "weights"
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
    image: str | Path | Image.Image, model: ColorizationNet, size: int | None = None
) -> Image.Image:
    """Colorize a photograph; only its L is looked at.

    Args:
        image: a file, or a picture of any size and mode.
        model: from `load_model` or `training.fit`.
        size: the shorter side that the network sees, in pixels; by default the size that it
            was trained at.
    Returns:
        An RGB picture of the same size.
    Raises:
        ValueError: a picture that cannot be read, or a size that is no positive multiple of 8.
    """
    size = model.size if size is None else size
    check_size(size)
    photo = read_photo(image)
    scale = min(size / min(photo.size), LONGEST * size / max(photo.size))
    small = tuple(max(STRIDE, STRIDE * round(side * scale / STRIDE)) for side in photo.size)
    lightness = photo_to_lab(photo, small)[None, :1].to(device_of(model))  # (1, 1, h, w)
    ab = model.eval()(lightness).float().cpu()  # (1, 2, h, w)
    lab = photo_to_lab(photo)  # (3, H, W)
    lab[1:] = F.interpolate(ab, lab.shape[-2:], mode="bilinear", align_corners=False)[0]
    return Image.fromarray(lab_to_uint8(lab).permute(1, 2, 0).numpy())

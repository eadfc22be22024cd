"""From a picture file of any kind to 8-bit sRGB, and from there to Lab at the size asked for."""

import io
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from course_utils.color import rgb_to_lab

SAMPLES = {  # photographs inside the scikit-image package: nothing is downloaded
    "astronaut": "astronaut.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
    "motorcycle": "motorcycle_left.png",
}
Fit = Literal["stretch", "crop"]
FITS = ("stretch", "crop")


def read_photo(source: str | Path | bytes | Image.Image) -> Image.Image:
    """Any picture as 8-bit sRGB: the first frame, upright, transparency over white, 16 bits
    scaled to 8, an embedded color profile applied.

    Args:
        source: a file, what is in one, or a picture.
    Raises:
        ValueError: the file is missing, or not a picture that can be read to its end.
    """
    try:
        if isinstance(source, Image.Image):
            upright = source.getexif().get(ExifTags.Base.Orientation, 1) == 1
            image = source if upright else ImageOps.exif_transpose(source)
        else:
            image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
            ImageOps.exif_transpose(image, in_place=True)
        if image.mode.startswith(("I", "F")):
            return _deep_to_rgb(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            over_white = Image.alpha_composite(white, image).convert("RGB")
            return _to_srgb(over_white, image.info.get("icc_profile"))
        return _to_srgb(image, image.info.get("icc_profile"))
    except IsADirectoryError:
        raise ValueError(f"{source}: expected a photograph, that is a folder") from None
    except FileNotFoundError:
        raise ValueError(f"{source}: expected a photograph, no such file") from None
    except Exception as error:  # Pillow's readers raise whatever they like
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = "a file of an unknown kind"
        name = "photo" if isinstance(source, bytes) else source
        raise ValueError(
            f"{name}: expected a picture that Pillow can read, got: {reason}"
        ) from error


def pil_to_tensor(image: Image.Image) -> Tensor:
    """An RGB picture as uint8 (3, H, W)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the array of the picture is read-only: it is read
        return torch.from_numpy(np.asarray(image)).permute(2, 0, 1)


def resize(pixels: Tensor, size: tuple[int, int], fit: Fit = "stretch") -> Tensor:
    """A picture, uint8 (3, H, W), as uint8 (3, height, width), bicubic and antialiased.

    Within 2 counts of Pillow's bicubic (3 where a side grows), and several times faster.

    Args:
        pixels: what `pil_to_tensor` gives.
        size: (width, height).
        fit: "stretch" changes the aspect, as the mini-project does; "crop" takes the middle.
    """
    if fit == "crop":
        _, whole_height, whole_width = pixels.shape
        scale = min(whole_width / size[0], whole_height / size[1])
        width = min(whole_width, max(1, round(size[0] * scale)))
        height = min(whole_height, max(1, round(size[1] * scale)))
        top, left = (whole_height - height) // 2, (whole_width - width) // 2
        pixels = pixels[:, top : top + height, left : left + width]
    if pixels.shape[1:] == (size[1], size[0]):
        return pixels
    return F.interpolate(pixels[None], (size[1], size[0]), mode="bicubic", antialias=True)[0]


def photo_to_lab(
    image: Image.Image, size: tuple[int, int] | None = None, fit: Fit = "stretch"
) -> Tensor:
    """An RGB picture, resized to (width, height) if asked, as Lab (3, H, W) float32."""
    return rgb_to_lab(resize(pil_to_tensor(image), size or image.size, fit))


def mean_chroma(lab: Tensor) -> Tensor:
    """How colorful a picture is: mean of sqrt(a^2 + b^2). (..., 3, H, W) -> (...)."""
    return torch.hypot(lab[..., 1, :, :].float(), lab[..., 2, :, :].float()).mean(dim=(-2, -1))


def sample_path(name: str) -> Path:
    """Where a photograph of scikit-image's lies on this machine."""
    import skimage.data

    if name not in SAMPLES:
        raise ValueError(f"sample: expected one of {', '.join(SAMPLES)}, got {name!r}")
    return Path(skimage.data.__file__).parent / SAMPLES[name]


def sample_photo(name: str) -> Image.Image:
    """One of `SAMPLES`, as RGB."""
    return read_photo(sample_path(name))


def all_files(folder: Path) -> list[Path]:
    """Every file below a folder, dead links too, in the same order on every machine."""
    found = (file for file in folder.rglob("*") if file.is_file() or file.is_symlink())
    return sorted((file for file in found if not file.is_dir()), key=lambda file: file.as_posix())


def is_named_picture(file: Path) -> bool:
    """Whether a file's ending calls it a picture, also one that Pillow cannot read."""
    kinds = Image.registered_extensions()
    ending = file.suffix.lower()
    if ending in {".eps", ".ps"}:  # programs, for which Pillow would start an interpreter
        return False
    return kinds.get(ending) in Image.OPEN or ending in {".heic", ".heif"}


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(given):
                srgb = ImageCms.createProfile("sRGB")
                return ImageCms.profileToProfile(image, given, srgb, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a torn profile, or one of another kind than the picture: as if there were none
    return image if image.mode == "RGB" else image.convert("RGB")


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

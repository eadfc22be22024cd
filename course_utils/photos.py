"""From a picture file of any kind to 8-bit sRGB, and from there to Lab at the size asked for.
Lesson 2."""

import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from os.path import isdir, isfile  # unlike an entry's own, of a link that loops
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F
from torchvision.io import decode_jpeg

from course_utils.color import rgb_to_lab
from course_utils.plumbing.arrays import Photo, to_photo

SAMPLES = {  # photographs inside scikit-image, scikit-learn and matplotlib: nothing is downloaded
    "astronaut": "skimage/data/astronaut.png",
    "cat": "skimage/data/chelsea.png",
    "coffee": "skimage/data/coffee.png",
    "rocket": "skimage/data/rocket.jpg",
    "motorcycle": "skimage/data/motorcycle_left.png",
    "china": "sklearn/datasets/images/china.jpg",
    "flower": "sklearn/datasets/images/flower.jpg",
    "grace_hopper": "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
}
Fit = Literal["stretch", "crop"]
FITS = ("stretch", "crop")
# What photographs come in, by Pillow's names. A file is what its content says, whatever it is
# called, and Pillow would hand a program in PostScript to an interpreter.
KINDS = (
    *("AVIF", "BMP", "DIB", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM", "PSD"),
    *("QOI", "SGI", "TGA", "TIFF", "WEBP"),
)
MOST_PIXELS = 120_000_000  # of a photograph; colorizing one of 100 million takes 2 GB
MOST_BYTES = 2**26  # of a file that is read whole
ROWS = 512  # of a photograph that are converted at a time, so that memory is bounded

# What Pillow doubts about a file either ends in an error, which names the file, or does not matter.
warnings.filterwarnings("ignore", module=r"PIL\.")


def read_photo(source: Photo) -> Image.Image:
    """Any picture as 8-bit sRGB: the first frame, upright, transparency over white, 16 bits
    scaled to 8, an embedded color profile applied.

    Args:
        source: a file, what is in one, or a picture; also as an array, see `to_photo`.
    Raises:
        TypeError: something else.
        ValueError: the file is missing, or not a picture that can be read to its end, or has more
            than `MOST_PIXELS`; or an array is no picture.
    """
    source = to_photo(source)
    name = "photo" if isinstance(source, bytes | Image.Image) else source
    try:
        if isinstance(source, Image.Image):
            _check_pixels(source)
            image = source if _is_upright(source) else ImageOps.exif_transpose(source)
        else:
            image = _opened(source)
            _check_pixels(image)
            image.load()
            if not _is_upright(image):
                ImageOps.exif_transpose(image, in_place=True)
        if image.mode.startswith(("I", "F")):
            return _deep_to_rgb(image)
        profile = image.info.get("icc_profile")
        image = image.convert("LA") if image.mode == "La" else image  # all that Pillow knows of it
        if image.has_transparency_data:
            image = image if image.mode == "RGBA" else image.convert("RGBA")
            white = Image.new("RGB", image.size, "white")
            white.info |= {key: image.info[key] for key in ("exif", "dpi") if key in image.info}
            white.paste(image, (0, 0), image)
            image = white
        return _to_srgb(image, profile)
    except IsADirectoryError:
        raise ValueError(f"{name}: expected a photograph, that is a folder") from None
    except FileNotFoundError:
        raise ValueError(f"{name}: expected a photograph, no such file") from None
    except Image.DecompressionBombError:
        raise ValueError(
            f"{name}: expected a photograph of at most {MOST_PIXELS // 10**6} megapixels, this one "
            "says that it has more; make it smaller"
        ) from None
    except Exception as error:  # Pillow's readers raise errors of any kind
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = "a file of an unknown kind"
        raise ValueError(
            f"{name}: expected a picture that Pillow can read, got: {reason}"
        ) from error


def read_pixels(file: Path, content: bytearray | None = None) -> Tensor:
    """A picture file as uint8 (3, H, W): `pil_to_tensor` of `read_photo`, which say what is
    raised. An ordinary JPEG takes a shorter way to the same pixels, past Pillow's own copy: if its
    `content` is given, see `read_ordinary`."""
    try:
        with _opened(content or b"") as image:
            _check_pixels(image)
            ordinary = (image.format, image.mode) == ("JPEG", "RGB") and _is_upright(image)
            if ordinary and "icc_profile" not in image.info:
                return decode_jpeg(torch.frombuffer(content, dtype=torch.uint8))
    except Exception:  # of any kind; the way below reports it
        pass
    return pil_to_tensor(read_photo(file))


def read_ordinary(file: Path) -> bytearray | None:
    """What is in a file of less than `MOST_BYTES`; None for larger ones, and for what is no
    ordinary file, such as a pipe, for which one would wait."""
    state = file.stat()
    if not stat.S_ISREG(state.st_mode) or state.st_size >= MOST_BYTES:
        return None
    return bytearray(file.read_bytes())


def pil_to_tensor(image: Image.Image) -> Tensor:
    """An RGB picture as uint8 (3, H, W)."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for box in _bands(image):
        pixels[box[1] : box[3]] = image.crop(box)
    return torch.from_numpy(pixels).permute(2, 0, 1)


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
    batch = pixels.permute(1, 2, 0)[None].permute(0, 3, 1, 2)  # known as channels last, if it is
    return F.interpolate(batch, (size[1], size[0]), mode="bicubic", antialias=True)[0]


def photo_to_lab(
    image: Image.Image, size: tuple[int, int] | None = None, fit: Fit = "stretch"
) -> Tensor:
    """An RGB picture, resized to (width, height) if asked, as Lab (3, H, W) float32."""
    return rgb_to_lab(resize(pil_to_tensor(image), size or image.size, fit))


def mean_chroma(lab: Tensor) -> Tensor:
    """How colorful a picture is: mean of sqrt(a^2 + b^2). (..., 3, H, W) -> (...)."""
    _, a, b = lab.float().unbind(-3)
    return a.square().addcmul_(b, b).sqrt_().mean(dim=(-2, -1))  # faster than hypot


def sample_path(name: str) -> Path:
    """Where one of `SAMPLES` lies on this machine."""
    if name not in SAMPLES:
        raise ValueError(f"sample: expected one of {', '.join(SAMPLES)}, got {name!r}")
    package, _, file = SAMPLES[name].partition("/")
    return Path(find_spec(package).origin).parent / file


def sample_photo(name: str) -> Image.Image:
    """One of `SAMPLES`, as RGB."""
    return read_photo(sample_path(name))


def all_files(folder: Path) -> list[Path]:
    """Every file below a folder, dead links too, in the same order on every machine."""
    found, folders = [], [folder]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as inside:  # it may be gone, or closed
            for each in inside:
                if each.is_dir(follow_symlinks=False):
                    folders.append(Path(each.path))
                elif (each.is_symlink() and not isdir(each)) or isfile(each):  # loops, dead links
                    found.append(Path(each.path))
    return sorted(found, key=lambda file: file.as_posix())


def is_named_picture(file: Path) -> bool:
    """Whether a file has the extension of a picture, also of a kind that Pillow cannot read."""
    ending = file.suffix.lower()
    return Image.registered_extensions().get(ending) in KINDS or ending in {".heic", ".heif"}


def _opened(source: str | Path | bytes | bytearray) -> Image.Image:
    """A picture of which only the beginning is read."""
    Image.init()
    kinds = [kind for kind in KINDS if kind in Image.OPEN]
    if isinstance(source, bytes | bytearray):
        return Image.open(io.BytesIO(source), formats=kinds)
    mode = os.stat(source).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # reading it might never end
        raise ValueError("a pipe or a device")
    return Image.open(source, formats=kinds)


def _check_pixels(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise Image.DecompressionBombError
    if image.width * image.height == 0:
        raise ValueError(f"{image.width} x {image.height} pixels")


def _is_upright(image: Image.Image) -> bool:
    """Whether a picture need not be turned, by its EXIF; EXIF that cannot be read is dropped."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1) == 1
    except Exception:  # Pillow's readers raise errors of any kind
        image.info.pop("exif", None)
        return True


def _bands(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """A picture in bands of rows, as boxes (left, top, right, bottom)."""
    for top in range(0, image.height, ROWS):
        yield 0, top, image.width, min(top + ROWS, image.height)


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
    image.load()
    most = 0
    for box in _bands(image):
        values = np.asarray(image.crop(box))
        most = max(most, values[np.isfinite(values)].max(initial=0))
    # A float picture may overshoot its white a little.
    white = 65535 if most > 256 else 255 if most > 2 else 1
    if image.mode != "F":
        white = 65535 if most > 255 or image.mode.startswith("I;16") else 255
    gray = Image.new("L", image.size)
    for box in _bands(image):
        values = np.asarray(image.crop(box), dtype=np.float64)
        part = np.nan_to_num(np.clip(values / white, 0, 1)) * 255
        gray.paste(Image.fromarray(part.round().astype(np.uint8)), box)
    return gray.convert("RGB")

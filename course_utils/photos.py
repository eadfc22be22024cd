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
from typing import BinaryIO, Literal

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F
from torchvision.io import decode_jpeg

from course_utils.color import rgb_to_lab
from course_utils.plumbing import tiff
from course_utils.plumbing.profiles import deep_converter, to_srgb
from course_utils.plumbing.samples import Samples, samples_of

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
KEPT = ("exif", "dpi")  # of what a file says beside its pixels
ROWS = 512  # of a photograph that are converted at a time, so that memory is bounded

# What Pillow doubts about a file either ends in an error, which names the file, or does not matter.
warnings.filterwarnings("ignore", module=r"PIL\.")


def read_photo(source: str | Path | bytes | Image.Image) -> Image.Image:
    """Any picture as 8-bit sRGB: the first frame, of TIFF the largest page, upright, transparency
    over white, 16 bits scaled to 8, an embedded color profile applied.

    Args:
        source: a file, what is in one, or a picture.
    Raises:
        ValueError: the file is missing, or not a picture that can be read to its end, or has more
            than `MOST_PIXELS`.
    """
    name = "photo" if isinstance(source, bytes | Image.Image) else source
    try:
        if isinstance(source, Image.Image):
            _check_pixels(source.size)
            image = source if _is_upright(source) else ImageOps.exif_transpose(source)
            return _to_rgb(image)
        with _file(source) as file:
            if not tiff.is_tiff(file):
                return _to_rgb(_loaded(_opened(file)))
            page, count = tiff.find_photograph(file)
            if count > 1:
                warnings.warn(f"{name}: {page} was taken, the largest of {count}", stacklevel=2)
            if tiff.is_read_by_pillow(page, file):
                return _to_rgb(_loaded(_opened(file), page.frame))
            _check_pixels(page.size)
            image = _deep_to_rgb(tiff.read_samples(page, file), page.info)
            image.getexif()[ExifTags.Base.Orientation] = page.number(ExifTags.Base.Orientation, 1)
            return ImageOps.exif_transpose(image)
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
        with _opened(io.BytesIO(content or b"")) as image:
            _check_pixels(image.size)
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


def _file(source: str | Path | bytes) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    mode = os.stat(source).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # reading it might never end
        raise ValueError("a pipe or a device")
    return open(source, "rb")


def _opened(file: BinaryIO) -> Image.Image:
    """A picture of which only the beginning is read."""
    Image.init()
    file.seek(0)
    return Image.open(file, formats=[kind for kind in KINDS if kind in Image.OPEN])


def _loaded(image: Image.Image, frame: int = 0) -> Image.Image:
    """All of a picture, upright."""
    if frame > 0:
        image.seek(frame)
    _check_pixels(image.size)
    image.load()
    if not _is_upright(image):
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _check_pixels(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise Image.DecompressionBombError
    if min(size) < 1:
        raise ValueError(f"{width} x {height} pixels")


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


def _to_rgb(image: Image.Image) -> Image.Image:
    profile, info = image.info.get("icc_profile"), image.info
    if image.mode.startswith(("I", "F")):
        return _deep_to_rgb(samples_of(image), info)
    if image.has_transparency_data:
        gray = image.mode in ("1", "L", "LA", "La")
        image = image.convert("LA" if gray else "RGBA")
        white = Image.new("L" if gray else "RGB", image.size, "white")
        white.paste(image.convert(white.mode), (0, 0), image)
        image = white
    image = to_srgb(image, profile)
    image.info |= {key: info[key] for key in KEPT if key in info}
    return image


def _deep_to_rgb(samples: Samples, info: dict) -> Image.Image:
    profile = info.get("icc_profile")
    convert = deep_converter(profile, samples.mode)
    image = to_srgb(samples.to_picture(convert), None if convert else profile)
    image.info |= {key: info[key] for key in KEPT if key in info}
    return image

"""Decode picture files of any format to 8-bit sRGB. The entry point is `photos.read_photo`."""

import os
import stat
import warnings
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from course_utils.plumbing import tiff
from course_utils.plumbing.profiles import deep_converter, to_srgb
from course_utils.plumbing.samples import Samples, is_deep_png, png_samples, to_samples

# The formats that photographs come in, by Pillow's names. The content decides, not the file name.
# A list is needed because Pillow would pass PostScript, which is a program, to an interpreter.
KINDS = (
    *("AVIF", "BMP", "DIB", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM", "PSD"),
    *("QOI", "SGI", "TGA", "TIFF", "WEBP"),
)
MOST_PIXELS = 120_000_000  # of a photograph; colorizing one of 100 million takes 2 GB
Orientation = ExifTags.Base.Orientation
KEPT = ("exif", "dpi")  # of what a file says beside its pixels

HEIC = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1")  # behind 4 bytes
with suppress(ImportError):  # the extra "heic": what phones make
    import pillow_heif

    pillow_heif.register_heif_opener()

# Pillow's warnings about a file are either followed by an error that names it, or do not matter.
warnings.filterwarnings("ignore", module=r"PIL\.")


def open_file(source: str | Path | bytes) -> BinaryIO:
    """A file, or bytes as one.

    Raises:
        ValueError: reading it might never end.
    """
    if isinstance(source, bytes):
        return BytesIO(source)
    mode = os.stat(source).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ValueError("a pipe or a device")
    return open(source, "rb")


def open_picture(file: BinaryIO) -> Image.Image:
    """Open a picture; only its header is read.

    Raises:
        OSError: not a picture of a known format.
        ValueError: a HEIC picture without pillow-heif, or no pixels.
        Image.DecompressionBombError: more than `MOST_PIXELS` pixels.
    """
    Image.init()
    file.seek(0)
    try:
        image = Image.open(file, formats=[kind for kind in KINDS if kind in Image.OPEN])
    except UnidentifiedImageError:
        file.seek(4)
        if "HEIF" in Image.OPEN or file.read(8) not in HEIC:
            raise
        raise ValueError("a HEIC picture; run: pip install pillow-heif") from None
    check_pixels(image.size)
    return image


def decode(file: BinaryIO, name: object) -> Image.Image:
    """The picture in a file as RGB, upright; `name` is for warnings."""
    page = None
    if tiff.is_tiff(file):
        page, count = tiff.find_photograph(file)
        if count > 1:
            warnings.warn(f"{name}: {page} was taken, the largest of {count}", stacklevel=2)
        if not tiff.is_read_by_pillow(page, file):
            check_pixels(page.size)
            image = _deep_to_rgb(tiff.read_samples(page, file), page.info)
            image.getexif()[Orientation] = page.number(Orientation, 1)
            return _turned(image)
    image = open_picture(file)
    if page is not None and page.frame > 0:
        image.seek(page.frame)
        check_pixels(image.size)
    if "icc_profile" in image.info and is_deep_png(image, file):
        return _turned(_deep_to_rgb(png_samples(image, file), image.info))
    image.load()
    return to_rgb(_turned(image))


def check_pixels(size: tuple[int, int]) -> None:
    """Raise an error for a picture of too many pixels, or of none."""
    width, height = size
    if width * height > MOST_PIXELS:
        raise Image.DecompressionBombError
    if min(size) < 1:
        raise ValueError(f"{width} x {height} pixels")


def is_upright(image: Image.Image) -> bool:
    """Whether a picture need not be turned, by its EXIF; EXIF that cannot be read is dropped."""
    try:
        return image.getexif().get(Orientation, 1) == 1
    except Exception:  # Pillow's readers raise errors of any kind
        image.info.pop("exif", None)
        return True


def to_rgb(image: Image.Image) -> Image.Image:
    """A picture of any mode as RGB: over white, in sRGB."""
    profile, info = image.info.get("icc_profile"), image.info
    if image.mode.startswith(("I", "F")):
        return _deep_to_rgb(to_samples(image), info)
    if image.has_transparency_data:
        gray = image.mode in ("1", "L", "LA", "La")
        image = image.convert("LA" if gray else "RGBA")
        white = Image.new("L" if gray else "RGB", image.size, "white")
        white.paste(image.convert(white.mode), (0, 0), image)
        image = white
    return _with_info(to_srgb(image, profile), info)


def _deep_to_rgb(samples: Samples, info: dict) -> Image.Image:
    profile = info.get("icc_profile")
    convert = deep_converter(profile, samples.mode)
    image = samples.to_picture(convert)
    return _with_info(to_srgb(image, None if convert else profile), info)


def _with_info(image: Image.Image, info: dict) -> Image.Image:
    image.info |= {key: info[key] for key in KEPT if key in info}
    return image


def _turned(image: Image.Image) -> Image.Image:
    if not is_upright(image):
        ImageOps.exif_transpose(image, in_place=True)
    return image

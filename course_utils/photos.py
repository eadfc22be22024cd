"""Read picture files as 8-bit sRGB, and convert them to Lab at any size. Lesson 2."""

import hashlib
import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from importlib.util import find_spec
from os.path import isdir, isfile, realpath  # unlike a Path's, fine with symlink loops
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from course_utils.color import rgb_to_lab
from course_utils.plumbing.arrays import Photo, to_photo
from course_utils.plumbing.decode import (
    KINDS,
    MOST_PIXELS,
    check_pixels,
    decode,
    is_upright,
    open_file,
    open_picture,
    to_rgb,
)
from course_utils.plumbing.files import some_of
from course_utils.plumbing.tiff import RAW, RAW_ENDINGS

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
MOST_BYTES = 2**26  # limit on files that are read into memory whole
ROWS = 512  # converted at a time, to limit memory


def read_photo(source: Photo) -> Image.Image:
    """Read any picture as 8-bit sRGB.

    Takes the first frame, or the largest page of a TIFF; makes it upright, puts transparency over
    white, scales 16 bits to 8, and applies an embedded color profile.

    Args:
        source: a path, the bytes of a file, a Pillow image, or an array, see `to_photo`.
    Returns:
        An RGB picture.
    Raises:
        TypeError: anything else.
        ValueError: a file that is missing, damaged, not a picture, or has more than `MOST_PIXELS`
            pixels; or an array that is not a picture.
    """
    source = to_photo(source)
    name = "photo" if isinstance(source, bytes | Image.Image) else source
    with _complaints(name):
        if not isinstance(source, Image.Image):
            with open_file(source) as file:
                return decode(file, name)
        check_pixels(source.size)
        return to_rgb(source if is_upright(source) else ImageOps.exif_transpose(source))


def photo_digest(file: Path) -> str:
    """The sha256 of a file's content, 64 hexadecimal digits; raises as `read_photo` does."""
    with _complaints(file), open_file(file) as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def _complaints(name: object) -> Iterator[None]:
    """Turn any error in reading a photograph into a one-line ValueError with its name."""
    try:
        yield
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
            raw = Path(os.fsdecode(name)).suffix.lower() in RAW_ENDINGS
            reason = RAW if raw else "a file of an unknown kind"
        raise ValueError(
            f"{name}: expected a picture that Pillow can read, got: {reason}"
        ) from error


def read_pixels(file: Path, content: bytearray | None = None) -> Tensor:
    """Read a picture file as uint8 (3, H, W); raises as `read_photo` does.

    With `content`, from `read_ordinary`, a plain RGB JPEG is decoded faster, to the same pixels.
    """
    from torchvision.io import decode_jpeg  # takes seconds, and colorizing needs none of it

    try:
        with open_picture(io.BytesIO(content or b"")) as image:
            ordinary = (image.format, image.mode) == ("JPEG", "RGB") and is_upright(image)
            if ordinary and "icc_profile" not in image.info:
                return decode_jpeg(torch.frombuffer(content, dtype=torch.uint8))
    except Exception:  # `read_photo` below reports it
        pass
    return pil_to_tensor(read_photo(file))


def read_ordinary(file: Path) -> bytearray | None:
    """The content of a regular file smaller than `MOST_BYTES`; None for larger ones, and for others
    such as pipes, which could block."""
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
    """Resize a picture, bicubic with antialiasing.

    Within 2 levels of Pillow's bicubic (3 if a side grows), and several times faster.

    Args:
        pixels: uint8 (3, H, W), from `pil_to_tensor`.
        size: (width, height).
        fit: "stretch" ignores the aspect ratio, as the mini-project does; "crop" keeps the center.
    Returns:
        uint8 (3, height, width).
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
    batch = pixels.permute(1, 2, 0)[None].permute(0, 3, 1, 2)  # lets torch see channels last
    return F.interpolate(batch, (size[1], size[0]), mode="bicubic", antialias=True)[0]


def photo_to_lab(photo: Photo, size: tuple[int, int] | None = None, fit: Fit = "stretch") -> Tensor:
    """Convert any picture to Lab (3, H, W) float32, after resizing it to (width, height).

    Takes, and raises, what `read_photo` does.
    """
    image = read_photo(photo)
    return rgb_to_lab(resize(pil_to_tensor(image), size or image.size, fit))


def mean_chroma(lab: Tensor) -> Tensor:
    """Mean of sqrt(a^2 + b^2) over the pixels: Lab (..., 3, H, W) -> (...)."""
    _, a, b = lab.float().unbind(-3)
    return a.square().addcmul_(b, b).sqrt_().mean(dim=(-2, -1))  # faster than hypot


def sample_path(name: str) -> Path:
    """The path of one of `SAMPLES`; ValueError for an unknown name."""
    if name not in SAMPLES:
        raise ValueError(f"sample: expected one of {', '.join(SAMPLES)}, got {name!r}")
    package, _, file = SAMPLES[name].partition("/")
    return Path(find_spec(package).origin).parent / file


def sample_photo(name: str) -> Image.Image:
    """One of `SAMPLES`, as RGB; ValueError for an unknown name."""
    return read_photo(sample_path(name))


def all_files(folder: Path) -> list[Path]:
    """Every file below a folder, in the same order on every machine.

    Includes broken links, and follows links to folders. Each folder is read only once; a warning
    lists folders that are left out.
    """
    found, folders, links, seen, left = [], [folder], [], set(), []
    while folders or links:
        # Links last, so that the path by which a folder is reached is the same on every machine.
        here = folders.pop() if folders else heappop(links)
        if realpath(here) in seen:
            left.append(f"{here} (found already)")
            continue
        seen.add(realpath(here))
        try:
            inside = list(os.scandir(here))
        except OSError as error:  # deleted meanwhile, or not readable
            left.append(f"{here} ({error.strerror})")
            continue
        for each in inside:
            path = Path(each.path)
            if each.is_dir(follow_symlinks=False):
                folders.append(path)
            elif each.is_symlink() and isdir(path):
                if any(_is_in(path, inner) for inner in (here, folder)):
                    left.append(f"{path} (leads back)")
                else:
                    heappush(links, path)
            elif each.is_symlink() or isfile(path):  # dead links and loops too
                found.append(path)
    if left:
        told = f"{folder}: {len(left)} folders left out: {some_of(sorted(left))}"
        warnings.warn(told, stacklevel=2)
    return sorted(found, key=lambda file: file.as_posix())


def _is_in(outer: Path, inner: Path) -> bool:
    """Whether `inner` is `outer` or lies below it, with links resolved."""
    return Path(realpath(inner)).is_relative_to(realpath(outer))


def is_named_picture(file: Path) -> bool:
    """Whether a file has a picture's extension, HEIC included, which Pillow cannot read. Names that
    start with "._" are macOS metadata."""
    ending = file.suffix.lower()
    if file.name.startswith("._"):
        return False
    return Image.registered_extensions().get(ending) in KINDS or ending in {".heic", ".heif"}


def _bands(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """A picture in bands of rows, as boxes (left, top, right, bottom)."""
    for top in range(0, image.height, ROWS):
        yield 0, top, image.width, min(top + ROWS, image.height)

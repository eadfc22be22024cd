"""What the pictures of the widgets are put together from."""

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageOps

from course_utils.color import lab_to_uint8
from course_utils.photos import photo_to_lab, sample_photo
from course_utils.plumbing.font import font

TITLE, GAP = 22, 8  # above a picture, and between two, in pixels


def typed_path(text: str) -> Path:
    """A path as people type or paste it: with a ~, with quotes, with a blank at the end."""
    path = Path(text.strip().strip("'\""))
    with suppress(RuntimeError):  # ~ and a name that nobody has here
        path = path.expanduser()
    return path


@lru_cache(maxsize=16)
def photo_lab(name: str, height: int, square: bool = False) -> torch.Tensor:
    """A bundled photo, or its middle square, as Lab (3, height, W). Not to be written to."""
    image = sample_photo(name)
    width = height if square else round(image.width * height / image.height)
    return photo_to_lab(ImageOps.fit(image, (width, height)))


def to_image(lab: torch.Tensor) -> Image.Image:
    """A Lab picture (3, H, W) as an image, out-of-gamut colors made paler, as in `colorize`."""
    return Image.fromarray(lab_to_uint8(lab, fit=True).permute(1, 2, 0).numpy())


def side_by_side(pictures: dict[str, torch.Tensor], height: int | None = None) -> Image.Image:
    """Lab pictures (3, H, W) in a row, each under its name."""
    images = []
    for name, lab in pictures.items():
        image = to_image(lab)
        if height is not None:
            width = round(image.width * height / image.height)
            image = image.resize((width, height), Image.Resampling.BICUBIC)
        images.append(titled(image, name))
    return strip(images)


def titled(image: Image.Image, title: str, below: int = 0) -> Image.Image:
    """An image under its title, with so many pixels left below."""
    canvas = paper(image.width, TITLE + image.height + below)
    canvas.paste(image, (0, TITLE))
    write(canvas, (0, 2), title)
    return canvas


def strip(images: Sequence[Image.Image], gap: int = GAP) -> Image.Image:
    """Images in a row."""
    width = sum(image.width for image in images) + gap * (len(images) - 1)
    row = paper(width, max(image.height for image in images))
    x = 0
    for image in images:
        row.paste(image, (x, 0))
        x += image.width + gap
    return row


def paper(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), "white")


def write(image: Image.Image, at: tuple[float, float], text: str, anchor: str = "la") -> None:
    """Write on an image; `anchor` as Pillow names it, such as "ra" for the right end."""
    ImageDraw.Draw(image).text(at, text, fill="black", font=font(13), anchor=anchor)

"""Pictures of more than 8 bits a channel, and how they become 8 bits."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import BinaryIO, Literal

import numpy as np
import torch
from PIL import Image

ROWS = 512  # that are converted at a time, so that memory is bounded

# Which value is white, by the largest one: (at most, white). Floats may overshoot a little.
FLOATS = ((2, 1), (256, 255), (inf, 65535))
INTEGERS = ((255, 255), (65535, 65535), (inf, 2**32 - 1))


@dataclass
class Samples:
    """The numbers of a picture, some rows at a time."""

    size: tuple[int, int]  # width, height
    rows: Callable[[int, int], np.ndarray]  # first, end -> (rows, width, channels)
    mode: Literal["L", "RGB", "CMYK"]
    whites: tuple[tuple[float, float], ...]
    alpha: Literal["", "plain", "premultiplied"] = ""  # in the channel after those of the mode
    white_is_zero: bool = False

    def to_picture(self, convert: Callable[[np.ndarray], np.ndarray] | None = None) -> Image.Image:
        """Convert to an 8-bit picture, composited over white.

        Args:
            convert: converts floats in [0, 1], (rows, width, channels), to sRGB; it may change the
                number of channels.
        """
        most = max(part[np.isfinite(part)].max(initial=0) for _, part in self._bands())
        white = next(white for limit, white in self.whites if most <= limit)
        picture = None
        for top, part in self._bands():
            colors = self._over_white(np.nan_to_num(part.astype(np.float32) / white).clip(0, 1))
            colors = colors if convert is None else convert(colors)
            pixels = (colors * 255).round().astype(np.uint8)
            mode = {1: "L", 3: "RGB", 4: "CMYK"}[pixels.shape[2]]
            picture = picture or Image.new(mode, self.size)
            size = (self.size[0], len(pixels))
            picture.paste(Image.frombytes(mode, size, pixels.tobytes()), (0, top))
        return picture

    def _bands(self) -> Iterator[tuple[int, np.ndarray]]:
        height = self.size[1]
        channels = len(self.mode) + bool(self.alpha)
        for top in range(0, height, ROWS):
            yield top, self.rows(top, min(top + ROWS, height))[..., :channels]

    def _over_white(self, part: np.ndarray) -> np.ndarray:
        colors = part[..., : len(self.mode)]
        colors = 1 - colors if self.white_is_zero else colors
        if not self.alpha:
            return colors
        alpha = part[..., -1:]
        white = 0 if self.mode == "CMYK" else 1
        colors = colors * alpha if self.alpha == "plain" else colors
        return (colors + white * (1 - alpha)).clip(0, 1)


def to_samples(image: Image.Image) -> Samples:
    """The samples of a 16-bit, 32-bit or float picture; in Pillow, these are grayscale."""

    def rows(first: int, end: int) -> np.ndarray:
        return np.asarray(image.crop((0, first, image.width, end)))[..., None]

    whites = ((inf, 65535),) if image.mode.startswith("I;16") else INTEGERS
    return Samples(image.size, rows, "L", FLOATS if image.mode == "F" else whites)


def is_deep_png(image: Image.Image, file: BinaryIO) -> bool:
    """Whether it has colors in 16 bits, of which Pillow keeps 8."""
    file.seek(24)  # where the bits a channel stand
    deep = image.format == "PNG" and file.read(1) == b"\x10"
    return deep and image.mode in ("RGB", "RGBA") and "transparency" not in image.info


def png_samples(image: Image.Image, file: BinaryIO) -> Samples:
    """Of a PNG file with colors in 16 bits."""
    from torchvision.io import decode_png  # takes seconds; few photographs need it

    file.seek(0)
    pixels = decode_png(torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)).numpy()

    def rows(first: int, end: int) -> np.ndarray:
        return pixels[:, first:end].transpose(1, 2, 0)

    alpha = "plain" if image.mode == "RGBA" else ""
    return Samples(image.size, rows, "RGB", ((inf, 65535),), alpha)

"""What a notebook has in place of a photograph's file: arrays, tensors, bytes, open files. And
arrays that should be Lab."""

from os import PathLike
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from course_utils.plumbing.arguments import check_range, described

Photo = (
    str | PathLike | bytes | bytearray | memoryview | BinaryIO | Image.Image | np.ndarray | Tensor
)

BLACK, GRAY = 0.01, 0.05  # L of black, and |a| and |b| of gray, are at most this, rounded


def to_photo(source: Photo) -> str | PathLike | bytes | Image.Image:
    """Convert any source of one photograph's pixels to a path, the bytes of a file, or a picture.

    Args:
        source: one of these; an open file, which is read from the start; an array (H, W),
            (H, W, 1), (H, W, 3) or (H, W, 4), or a tensor (H, W), (1, H, W), (3, H, W) or
            (4, H, W), of bool, uint8, or float in [0, 1].
    Raises:
        TypeError: anything else, or numbers of another type.
        ValueError: an array of another shape or range.
    """
    if isinstance(source, str | PathLike | bytes | Image.Image):
        return source
    if isinstance(source, bytearray | memoryview):
        return bytes(source)
    if isinstance(source, Tensor):
        pixels = source.detach().cpu()
        pixels = pixels.float() if pixels.dtype == torch.bfloat16 else pixels  # not in numpy
        pixels = pixels.movedim(0, -1) if pixels.ndim == 3 else pixels
        return _to_picture(pixels.numpy(), described(source), "first with .permute(2, 0, 1)")
    if hasattr(source, "__array__"):
        pixels = np.asarray(source)
        return _to_picture(pixels, described(source), "last with .transpose(1, 2, 0)")
    if hasattr(source, "read"):
        file = getattr(source, "buffer", source)  # of a file that was opened as text
        if file.seekable():
            file.seek(0)
        content = file.read()
        if isinstance(content, bytes):
            return content
    raise TypeError(
        f"photo: expected a file, what is in one, a picture or an array, got {described(source)}"
    )


def _to_picture(pixels: np.ndarray, came: str, channels: str) -> Image.Image:
    numbers = pixels.size > 0 and pixels.dtype.kind in "buif"
    least, most = (float(pixels.min()), float(pixels.max())) if numbers else (0.0, 0.0)
    ranging = f", {least:g} to {most:g}" if numbers else ""
    if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (1,), (3,), (4,)):
        turned = pixels.ndim == 3 and not {1, 3, 4}.isdisjoint(pixels.shape)
        hint = f"put channels {channels}" if turned else "pass one gray or RGB picture, or a list"
        raise ValueError(
            "photo: expected an array (H, W), (H, W, 3) or (H, W, 4), or a tensor (3, H, W), got "
            f"{came}{ranging}; {hint}"
        )
    if pixels.dtype.kind == "f":
        hint = "divide by 255, or pass uint8" if most > 2 else "scale it to [0, 1]"
        check_range(f"photo, {came}", least, most, 0, 1, hint)
        pixels = (pixels.clip(0, 1) * 255).round()
    elif pixels.dtype == bool:
        pixels = pixels * 255
    elif pixels.dtype != np.uint8:
        raise TypeError(
            f"photo: expected uint8, or float in [0, 1], got {came}{ranging}; convert it to one of "
            "them"
        )
    pixels = pixels.astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)


def to_lab(lab: Tensor | np.ndarray) -> Tensor:
    """Lab pictures (N, 3, size, size) as a tensor, if they are floats in CIE units.

    Raises:
        TypeError, ValueError: something else, such as RGB.
    """
    lab = torch.from_numpy(np.ascontiguousarray(lab)) if isinstance(lab, np.ndarray) else lab
    hint = "color.rgb_to_lab makes Lab of RGB"
    if not isinstance(lab, Tensor) or not lab.is_floating_point():
        raise TypeError(f"lab: expected floats in CIE units, got {described(lab)}; {hint}")
    if lab.ndim != 4 or lab.shape[1] != 3 or lab.shape[2] != lab.shape[3]:
        raise ValueError(f"lab: expected shape (N, 3, size, size), got {tuple(lab.shape)}")
    if lab.numel() > 0:
        (dark, light), (least, most) = (
            [value.item() for value in part.detach().aminmax()] for part in (lab[:, :1], lab[:, 1:])
        )
        check_range("L", dark, light, 0, 100, hint)
        check_range("a and b", least, most, -128, 128, hint)
        if BLACK < light <= 1:
            raise ValueError(f"L: expected 0 to 100, got {dark:g} to {light:g}; {hint}")
        if GRAY < max(-least, most) <= 1:
            raise ValueError(
                f"a and b: expected CIE units, about -110 to 110, got {least:g} to {most:g}; "
                "if they were divided by 110, multiply them by it"
            )
    return lab

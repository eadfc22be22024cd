"""Colorize a photograph of any size at its full resolution. Lesson 5.

The photograph's own L is kept at full resolution; the network sees a small copy of it, and the ab
that it predicts is upsampled along the edges of L, so that colors do not bleed.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from course_utils.color import lab_to_uint8, rgb_to_lightness
from course_utils.hints import Carrier, Dab, Hint, as_input, dabs, residual
from course_utils.network import ColorizationNet, model_device
from course_utils.photos import Photo, pil_to_tensor, read_photo, resize
from course_utils.plumbing.limits import MOST_SEEN, STRIDE, check_view
from course_utils.plumbing.models import WEIGHTS, load_model, to_network
from course_utils.upsampling import enlarge, joint_bilateral, lines_of_lightness

__all__ = ["WEIGHTS", "Painter", "colorize", "load_model"]

BAND = 64  # rows that are colored at a time
MOST_SOLVED = 2**15  # pixels of the copy on which hints are propagated
LONGEST = 8  # the network's view of a thin strip is at most this many times as long as wide


def colorize(
    image: Photo | list[Photo],
    model: ColorizationNet | str | Path | None = None,
    size: int | None = None,
    guided: bool = True,
    hints: Sequence[Hint] = (),
    network: bool = True,
) -> Image.Image | list[Image.Image]:
    """Colorize a photograph from its L and optional color hints; its own colors are ignored.

    Args:
        image: a path, the bytes of a file, or a Pillow image, of any size and mode; an array, see
            `plumbing.arrays`; or a list of these.
        model: from `load_model` or `training.fit`, or what `load_model` takes; by default the
            network `photographs`.
        size: the shorter side of the network's input, in pixels; by default the size that it was
            trained at.
        guided: upsample colors along the edges of L; otherwise bilinearly.
        hints: color hints, see `hints`. A hinted pixel gets its hint's color where that is inside
            the sRGB gamut at the photograph's L.
        network: False ignores the network and starts from gray: all color comes from the hints.
    Returns:
        An upright sRGB picture of the same size and, to within rounding, the same L; its `info`
        has the photograph's EXIF. For a list, a list of them.
    Raises:
        TypeError: not a picture, or not a network.
        ValueError: a picture that cannot be read, a size that is not a positive multiple of 8 or
            is too large, too many hints, or a network whose output is NaN or infinite.
    """
    model = to_network(model)
    if isinstance(image, list | tuple):
        return [colorize(each, model, size, guided, hints, network) for each in image]
    return Painter(image, model, size, guided, network).paint(hints)


class Painter:
    """A photograph with the network's cached prediction, to repaint quickly as hints change."""

    @torch.inference_mode()
    def __init__(
        self,
        image: Photo,
        model: ColorizationNet | str | Path | None = None,
        size: int | None = None,
        guided: bool = True,
        network: bool = True,
    ) -> None:
        """Arguments and errors are those of `colorize`."""
        model = to_network(model)
        size = model.size if size is None else size
        check_view(size)
        photo = read_photo(image)
        scale = min(size / min(photo.size), LONGEST * size / max(photo.size))
        scale = min(scale, MOST_SEEN / (photo.width * photo.height) ** 0.5)  # limits long strips
        small = tuple(max(STRIDE, STRIDE * round(side * scale / STRIDE)) for side in photo.size)
        self.guided = guided
        self.info = {name: photo.info[name] for name in ("exif", "dpi") if name in photo.info}
        pixels = pil_to_tensor(photo)
        del photo
        self.lightness = rgb_to_lightness(pixels)[None]  # (1, 1, H, W)
        self.guide = rgb_to_lightness(resize(pixels, small))[None]  # (1, 1, h, w)
        self.model = model.eval() if network else None
        self.ab = self.answer()
        if not self.ab.isfinite().all():
            why = "expected colors that are numbers, got none; use other weights"
            raise ValueError(f"weights: {why}")

    @torch.inference_mode()
    def paint(self, hints: Sequence[Hint] = ()) -> Image.Image:
        """Colorize the photograph with these hints; see `colorize` for the result."""
        ab = self.ab
        if hints:
            hears = self.model is not None and self.model.inputs == 4
            ab = self.answer(hints) if hears else ab
            ab = ab + self.residual(hints, ab)
        answer = lines_of_lightness(ab, self.guide) if self.guided else ab  # (1, 4 or 2, h, w)
        height, width = size = self.lightness.shape[-2:]
        radius = 2 * min(size) / min(self.guide.shape[-2:])
        touches = dabs(hints, size, radius, lambda rows: self.rows(answer, rows))
        result = Image.new("RGB", (width, height))
        tops = range(0, height, BAND)  # a band of rows at a time, so that memory is bounded
        with ThreadPoolExecutor(2) as pool:
            bands = pool.map(partial(self.band, answer, touches), tops)
            for top, band in zip(tops, bands, strict=True):
                result.paste(Image.fromarray(band.permute(1, 2, 0).numpy()), (0, top))
        result.info |= self.info
        return result

    def answer(self, hints: Sequence[Hint] = ()) -> Tensor:
        """The network's ab (1, 2, h, w), given the hints if it takes them; 0 without a network."""
        if self.model is None:
            return torch.zeros_like(self.guide).repeat(1, 2, 1, 1)
        known = as_input(hints, self.guide.shape[-2:])
        device = model_device(self.model)
        logits = self.model.logits(self.guide.to(device), known.to(device))
        if self.guided:
            return joint_bilateral(self.model.to_quarter_ab(logits).float().cpu(), self.guide)
        return self.model.to_ab(logits).float().cpu()

    @torch.inference_mode()
    def band(self, answer: Tensor, touches: list[Dab], top: int) -> Tensor:
        """Rows of the result from `top` on, uint8 (3, rows, W)."""
        lightness, ab = self.rows(answer, slice(top, top + BAND))
        for dab in touches:
            dab.put_on(ab, lightness, top)
        return lab_to_uint8(torch.cat((lightness, ab), dim=1)[0], fit=True)

    def rows(self, answer: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        """L (1, 1, rows, W) and ab (1, 2, rows, W) of some rows of the photograph."""
        lightness = self.lightness[..., rows, :]
        rows = slice(rows.start, rows.start + lightness.shape[2])  # the last band may be shorter
        ab = enlarge(answer, *self.lightness.shape[-2:], rows)
        if self.guided:
            slope, offset = ab.chunk(2, dim=1)
            ab = slope * lightness + offset
        return lightness, ab

    @cached_property
    def carrier(self) -> Carrier:
        """The linear system that propagates hints, factorized on first use."""
        height, width = self.guide.shape[-2:]
        shrink = min(1, (MOST_SOLVED / (height * width)) ** 0.5)
        size = tuple(max(1, int(side * shrink)) for side in (height, width))
        return Carrier(F.adaptive_avg_pool2d(self.guide, size)[0, 0])

    def residual(self, hints: Sequence[Hint], ab: Tensor) -> Tensor:
        """The correction (1, 2, h, w) that hints add to the network's `ab` (1, 2, h, w)."""
        here = F.adaptive_avg_pool2d(ab, self.carrier.shape)
        carried = self.carrier.carry(*residual(hints, here[0]))[None]
        return carried if here.shape == ab.shape else joint_bilateral(carried, self.guide)


class _Callable(ModuleType):
    """Makes the module callable: `from course_utils import colorize` gives it, not the function."""

    def __call__(self, *arguments: object, **options: object) -> object:
        return colorize(*arguments, **options)


sys.modules[__name__].__class__ = _Callable

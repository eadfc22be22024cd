"""Generated landscapes whose true color distribution is known. Lesson 2.

A scene is made from two independent streams of random numbers. The first makes the luminance
picture: where sky, ridges, sea, trees and flowers are, and how light. The second picks a palette:
a blue day or a sunset, summer or autumn, each flower red, yellow, blue or violet. L does not
depend on the palette, so the mean and variance of ab at every pixel are exact sums over the
palette's options; the mean of that variance is the lowest expected L2 loss of any model.

Everything is composed in Lab and stays inside the sRGB gamut: a palette entry is a hue and a
chroma, and a pixel too dark or too light for that chroma gets the largest one that fits.
"""

from functools import lru_cache
from math import cos, prod, radians, sin
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.color import in_gamut
from course_utils.plumbing.limits import check_size

# A choice has options; each has a probability and gives every material of the choice a hue in
# degrees (0 is red, 90 yellow, 180 green, 270 blue) and a chroma.
PALETTE = {
    "mood": (
        (0.5, {"sky": (268, 40), "cloud": (265, 3), "haze": (265, 16), "water": (255, 32)}),
        (0.3, {"sky": (55, 44), "cloud": (30, 24), "haze": (25, 16), "water": (45, 26)}),
        (0.2, {"sky": (280, 6), "cloud": (280, 2), "haze": (275, 5), "water": (200, 12)}),
    ),
    "season": (
        (0.6, {"meadow": (122, 44), "crown": (132, 42)}),
        (0.4, {"meadow": (88, 40), "crown": (52, 60)}),
    ),
    "rock": ((0.5, {"rock": (285, 14)}), (0.5, {"rock": (60, 20)})),
    "bark": ((1.0, {"bark": (62, 16)}),),
    # Truly ambiguous, and vivid: this is what makes L2 gray.
    "balloon": (
        (0.25, {"balloon": (38, 75)}),
        (0.25, {"balloon": (88, 72)}),
        (0.5, {"balloon": (275, 50)}),
    ),
    "flower": (
        (0.2, {"flower": (32, 75)}),
        (0.3, {"flower": (92, 75)}),
        (0.3, {"flower": (280, 50)}),
        (0.2, {"flower": (315, 55)}),
    ),
}
MATERIALS = tuple(name for options in PALETTE.values() for name in options[0][1])
TREES, FLOWER_ROWS, FLOWER_COLUMNS = 4, 7, 10
AT_ONCE = 32  # scenes drawn at a time, few enough to fit the processor's cache


class Scenes(NamedTuple):
    """A batch of scenes, all float32 in CIE units."""

    L: Tensor  # (B, 1, H, W) the luminance picture
    ab: Tensor  # (B, 2, H, W) the colors that the palette gave it
    expected_ab: Tensor  # (B, 2, H, W) mean of ab over all palettes: the best answer under L2
    variance_ab: Tensor  # (B, 2, H, W) variance of ab over all palettes

    def l2_floor(self) -> float:
        """The lowest expected MSE(ab), averaged over both channels, of any model."""
        return self.variance_ab.mean().item()


def render(indices: list[int] | range, size: int = 64, seed: int = 0) -> Scenes:
    """Draw the scenes with these indices, `size` pixels high and wide.

    A scene depends only on (seed, index): it is the same in every batch and on every machine, and
    the same picture at every size.

    Raises:
        ValueError: a size that is not a positive multiple of 8, or no indices.
    """
    check_size(size)
    if len(indices) == 0:
        raise ValueError("indices: expected at least one scene number, got none")
    parts = [_render(indices[i : i + AT_ONCE], size, seed) for i in range(0, len(indices), AT_ONCE)]
    return Scenes(*(torch.cat(planes) for planes in zip(*parts, strict=True)))


def _render(indices: list[int] | range, size: int, seed: int) -> Scenes:
    layout, palette = _Dice(seed, 0, indices), _Dice(seed, 1, indices)
    canvas = _Canvas(len(indices), size)
    horizon = layout.between(0.45, 0.68)
    on_land = (layout.take(1, 1) < 0.65).float()
    grain = layout.noise(size, (8, 8), octaves=3, gain=0.7)
    _paint_sky(canvas, layout, horizon)
    _paint_ridges(canvas, layout, horizon, grain)
    _paint_balloon(canvas, layout)
    _paint_sea(canvas, layout, horizon)
    _paint_meadow(canvas, layout, horizon, on_land, grain)
    flowers = _paint_flowers(canvas, layout, horizon, on_land)
    _paint_trees(canvas, layout, horizon, on_land, grain)
    return _color(canvas, flowers, palette)


class _Dice:
    """A stream of uniform random numbers in [0, 1) for each scene, used in order."""

    SIZE = 4096

    def __init__(self, seed: int, box: int, indices: list[int] | range) -> None:
        boxes = [np.random.default_rng((seed, box, i)).random(self.SIZE, "f4") for i in indices]
        self.numbers = torch.from_numpy(np.stack(boxes))  # (B, SIZE)
        self.used = 0

    def take(self, *shape: int) -> Tensor:
        """The next unused numbers, `(B, *shape)`."""
        start, self.used = self.used, self.used + prod(shape)
        assert self.used <= self.SIZE, "a scene takes more dice than its box holds"
        return self.numbers[:, start : self.used].reshape(-1, *shape)

    def between(self, low: float, high: float, *shape: int) -> Tensor:
        """Numbers in [low, high), `(B, *shape)`; by default one per scene, (B, 1, 1)."""
        return low + (high - low) * self.take(*(shape or (1, 1)))

    def noise(self, size: int, grid: tuple[int, int], octaves: int, gain: float = 0.5) -> Tensor:
        """Smooth noise around 0, (B, H, W); `grid` counts its coarsest cells, 1 row gives H = 1."""
        total = 0.0
        for octave in range(octaves):
            rows = grid[0] * 2**octave + 1 if grid[0] > 1 else 1
            knots = self.between(-1, 1, 1, rows, grid[1] * 2**octave + 1)
            height = size if rows > 1 else 1
            smooth = F.interpolate(knots, (height, size), mode="bicubic", align_corners=True)
            total = total + gain**octave * smooth[:, 0]
        return total


class _Canvas:
    """The luminance of layers painted over each other, and the visible share of each material."""

    def __init__(self, batch: int, size: int) -> None:
        line = (torch.arange(size, dtype=torch.float32) + 0.5) / size
        self.x, self.y = line.reshape(1, 1, size), line.reshape(1, size, 1)
        self.size = size
        self.L = line.new_zeros(batch, size, size)
        self.seen = {name: torch.zeros_like(self.L) for name in MATERIALS}

    def edge(self, inside: Tensor) -> Tensor:
        """A mask with an edge one pixel wide; `inside` is a signed distance in picture widths."""
        return (inside * self.size + 0.5).clamp(0, 1)

    def paint(self, mask: Tensor, lightness: Tensor, **materials: float | Tensor) -> None:
        """Paint over a mask (B, H, W) with this lightness; the shares of `materials` sum to 1."""
        self.L = torch.lerp(self.L, lightness.expand_as(self.L), mask.expand_as(self.L))
        for seen in self.seen.values():
            seen *= 1 - mask
        for name, share in materials.items():
            self.seen[name] += mask * share


def _paint_sky(canvas: _Canvas, dice: _Dice, horizon: Tensor) -> None:
    top, bottom = dice.between(56, 74), dice.between(78, 90)
    height = (canvas.y / horizon).clamp(max=1)  # 0 at the top of the picture, 1 at the horizon
    canvas.paint(torch.ones_like(height), torch.lerp(top, bottom, height), sky=1)
    cover = dice.between(-0.1, 0.7)
    billows = dice.noise(canvas.size, (5, 3), octaves=4)
    clouds = ((billows - cover) * 2).clamp(0, 0.95)
    canvas.paint(clouds, (84 + 9 * billows - 6 * height).clamp(70, 96), cloud=1)


def _paint_ridges(canvas: _Canvas, dice: _Dice, horizon: Tensor, grain: Tensor) -> None:
    """Three ranges; the far ones are lighter and take the color of the air."""
    for distance, haze in ((0.24, 0.75), (0.14, 0.45), (0.05, 0.15)):
        rise = dice.between(0.3, 1.0) * distance
        jagged = dice.noise(canvas.size, (1, 3), octaves=5, gain=0.48)  # (B, 1, W)
        line = horizon - rise * (1 + 0.7 * jagged)
        below = canvas.y - line  # how far under the crest
        shade = 9 * torch.tanh(2 * grain + 3 * jagged)
        lightness = 42 + 34 * haze + (1 - haze) * shade - 8 * haze * (below / 0.2).clamp(0, 1)
        canvas.paint(canvas.edge(below), lightness, haze=haze, rock=1 - haze)
        snow = canvas.edge(below) * ((horizon - 0.2 - canvas.y + 0.05 * grain) * 12).clamp(0, 0.9)
        canvas.paint(snow, (88 + 0.6 * shade).clamp(max=96), cloud=1)


def _paint_balloon(canvas: _Canvas, dice: _Dice) -> None:
    there = (dice.take(1, 1) < 0.4).float()
    radius, cx = dice.between(0.06, 0.13), dice.between(0.15, 0.85)
    cy = dice.between(0.15, 0.32)
    x, y = (canvas.x - cx) / radius, (canvas.y - cy) / radius  # the envelope is the unit disc
    narrowing = 1 + 0.45 * y.clamp(min=0) ** 2
    inside = (1 - torch.sqrt((x * narrowing) ** 2 + (y * 0.85) ** 2)) * radius
    basket = torch.minimum(0.16 - x.abs(), 0.14 - (y - 1.55).abs()) * radius
    canvas.paint(there * canvas.edge(basket), canvas.L.new_tensor(34), bark=1)
    gores = 6 * torch.cos(x * narrowing * 7)
    canvas.paint(there * canvas.edge(inside), 66 - 10 * x + gores - 6 * y, balloon=1)


def _paint_sea(canvas: _Canvas, dice: _Dice, horizon: Tensor) -> None:
    depth = ((canvas.y - horizon) / (1 - horizon)).clamp(0, 1)
    waves = dice.noise(canvas.size, (28, 3), octaves=1) * (0.3 + depth)
    lightness = dice.between(58, 74) - 22 * depth + 7 * waves
    canvas.paint(canvas.edge(canvas.y - horizon), lightness, water=1)


def _paint_meadow(
    canvas: _Canvas, dice: _Dice, horizon: Tensor, on_land: Tensor, grain: Tensor
) -> None:
    hills = 0.05 * dice.noise(canvas.size, (1, 2), octaves=2)
    below = canvas.y - horizon - hills
    lightness = dice.between(54, 66) - 14 * below + 5 * grain * (0.4 + below)
    canvas.paint(on_land * canvas.edge(below), lightness, meadow=1)


def _paint_flowers(canvas: _Canvas, dice: _Dice, horizon: Tensor, on_land: Tensor) -> Tensor:
    """A field on a jittered grid in perspective. Returns the index of each pixel's flower."""
    rows, columns, flat = FLOWER_ROWS, FLOWER_COLUMNS, FLOWER_ROWS * FLOWER_COLUMNS
    edge = horizon + 0.09  # below the hills
    depth = ((canvas.y - edge) / (1 - edge)).clamp(0, 0.999)  # 0 far, 1 near
    row = (depth ** (1 / 1.6) * rows).long().expand(-1, -1, canvas.size)
    column = (canvas.x * columns).long().expand_as(row)
    number = row * columns + column  # (B, H, W)

    i = torch.arange(flat).reshape(1, flat)
    middle = ((i // columns + dice.between(0.35, 0.65, flat)) / rows) ** 1.6  # depth of each
    cx = (i % columns + dice.between(0.25, 0.75, flat)) / columns
    cy = edge[:, 0] + middle * (1 - edge[:, 0])
    there = (dice.take(flat) < dice.between(0.1, 0.8, 1)).float()
    radius = (0.012 + 0.022 * middle) * dice.between(0.8, 1.2, flat) * there

    dx, dy = canvas.x - _each(cx, number), canvas.y - _each(cy, number)
    away = torch.sqrt(dx**2 + (1.2 * dy) ** 2)
    r = _each(radius, number)
    petals = on_land * canvas.edge(r - away) * (r > 0) * (canvas.y > edge)
    canvas.paint(petals, 58 + 18 * (away / (r + 1e-6)).clamp(0, 1), flower=1)
    return number


def _paint_trees(
    canvas: _Canvas, dice: _Dice, horizon: Tensor, on_land: Tensor, grain: Tensor
) -> None:
    feet = dice.between(0.03, 0.75, TREES).sort(dim=1).values  # far ones first
    across, tall = dice.take(TREES), dice.between(0.8, 1.3, TREES)
    there = dice.take(TREES) < 0.5
    for k in range(TREES):
        near = feet[:, k, None, None]
        foot = horizon + near * (1 - horizon)
        height = (0.13 + 0.4 * near) * tall[:, k, None, None]
        shown = on_land * there[:, k, None, None]
        x = (canvas.x - across[:, k, None, None]) / height
        y = (canvas.y - foot) / height  # 0 at the foot, -1 at the top
        trunk = torch.minimum(0.05 - x.abs(), torch.minimum(-y, y + 0.6)) * height
        canvas.paint(shown * canvas.edge(trunk), canvas.L.new_tensor(30), bark=1)
        up = (y + 0.66) / 0.36
        ragged = 1 - torch.sqrt((x / 0.32) ** 2 + up**2) + 0.16 * grain
        light = 42 - 26 * x - 9 * up + 7 * grain
        canvas.paint(shown * canvas.edge(ragged * 0.3 * height), light.clamp(14, 72), crown=1)


def _color(canvas: _Canvas, flowers: Tensor, palette: _Dice) -> Scenes:
    """Choose one palette, and compute the mean and the variance over all palettes."""
    lightness = canvas.L.clamp(4, 97)
    ab, mean, variance = (torch.stack(2 * [torch.zeros_like(lightness)], dim=1) for _ in range(3))
    for name, options in PALETTE.items():
        if name == "flower":  # each flower chooses for itself
            dice = _each(palette.take(FLOWER_ROWS * FLOWER_COLUMNS), flowers)
        else:
            dice = palette.take(1, 1)
        first, second, low = torch.zeros_like(ab), torch.zeros_like(ab), 0.0
        for probability, materials in options:
            color = torch.zeros_like(ab)
            for material, (hue, chroma) in materials.items():
                shown = canvas.seen[material] * _available_chroma(lightness, hue, chroma)
                color[:, 0] += shown * cos(radians(hue))
                color[:, 1] += shown * sin(radians(hue))
            chosen = (dice >= low) & (dice < low + probability)  # (B, H, W)
            ab.addcmul_(color, chosen[:, None].float())
            first.add_(color, alpha=probability)
            second.addcmul_(color, color, value=probability)
            low += probability
        mean += first
        variance += (second - first**2).clamp(min=0)  # choices are independent: variances add
    return Scenes(lightness[:, None], ab, mean, variance)


def _each(values: Tensor, number: Tensor) -> Tensor:
    """Look up values (B, n) by a map of indices (B, H, W)."""
    return values.gather(1, number.flatten(1)).reshape(number.shape)


def _available_chroma(lightness: Tensor, hue: float, chroma: float) -> Tensor:
    """The requested chroma, or the largest in the sRGB gamut at this lightness and hue."""
    table = _chroma_table(hue, chroma)
    return table[(lightness * ((len(table) - 1) / 100)).round().int()]


@lru_cache(maxsize=64)
def _chroma_table(hue: float, chroma: float, steps: int = 400) -> Tensor:
    """Chroma within the gamut for `steps` + 1 values of L from 0 to 100."""
    lightness = torch.linspace(0, 100, steps + 1, dtype=torch.float32).reshape(-1, 1)
    tried = torch.linspace(0, chroma, 64, dtype=torch.float32).expand(steps + 1, -1)
    planes = [lightness.expand_as(tried), tried * cos(radians(hue)), tried * sin(radians(hue))]
    fits = in_gamut(torch.stack(planes)).int().cumprod(dim=1)  # (steps + 1, 64)
    return 0.97 * (tried * fits).amax(dim=1)

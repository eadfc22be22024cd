"""Upsample the colors of a small copy along the edges of L, so that they do not bleed. Lesson 5."""

import torch
from torch import Tensor
from torch.nn import functional as F


def joint_bilateral(ab: Tensor, guide: Tensor, nearness: float = 0.5, alike: float = 8.0) -> Tensor:
    """Upsample ab to the size of L by joint bilateral upsampling (Kopf et al., 2007).

    Each pixel is a weighted mean of the 4 x 4 nearest colors, mostly those with a similar L.

    Args:
        ab: (1, 2, h, w).
        guide: L (1, 1, H, W) in 0..100.
        nearness: standard deviation of the Gaussian of distance, in pixels of ab.
        alike: standard deviation of the Gaussian of the difference in L.
    Returns:
        (1, 2, H, W).
    """
    height, width = guide.shape[-2:]
    rows, columns = ab.shape[-2:]
    coarse = F.adaptive_avg_pool2d(guide, (rows, columns))
    y = (torch.arange(height) + 0.5) * rows / height - 0.5  # pixel centers in coordinates of ab
    x = (torch.arange(width) + 0.5) * columns / width - 0.5
    total = weights = 0.0
    for down in range(-1, 3):
        for right in range(-1, 3):
            row, column = y.floor().long() + down, x.floor().long() + right
            place = ((y - row) ** 2)[:, None] + (x - column) ** 2  # (H, W)
            row, column = row.clamp(0, rows - 1)[:, None], column.clamp(0, columns - 1)
            step = guide - coarse[..., row, column]
            weight = torch.exp(-place / (2 * nearness**2) - step**2 / (2 * alike**2)) + 1e-9
            total = total + weight * ab[..., row, column]
            weights = weights + weight
    return total / weights


def guided_upsampling(ab: Tensor, guide: Tensor, lightness: Tensor) -> Tensor:
    """Upsample ab to the size of L with a guided filter. `colorize.colorize` does it in bands.

    Args:
        ab: (1, 2, h, w).
        guide: L at the size of ab, (1, 1, h, w).
        lightness: L (1, 1, H, W).
    Returns:
        (1, 2, H, W).
    """
    slope, offset = F.interpolate(
        lines_of_lightness(ab, guide), lightness.shape[-2:], mode="bilinear"
    ).chunk(2, dim=1)
    return slope * lightness + offset


def lines_of_lightness(ab: Tensor, guide: Tensor, radius: int = 1, flat: float = 1.0) -> Tensor:
    """Fit a and b as linear functions of L around each pixel, by regularized least squares.

    This is the guided filter of He et al. (2013), in its fast form.

    Args:
        ab: (1, 2, h, w).
        guide: L, (1, 1, h, w).
        radius: of the fitting window, in pixels.
        flat: a window in which L has a smaller standard deviation than this counts as flat.
    Returns:
        (1, 4, h, w): the slopes of a and b, and their values at L = 0.
    """

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2 * radius + 1, 1, radius, count_include_pad=False)

    level, color = mean(guide), mean(ab)
    slope = mean(guide * ab) - level * color
    slope = slope / (mean(guide * guide) - level * level + flat**2)
    return mean(torch.cat((slope, color - slope * level), dim=1))


def enlarge(small: Tensor, height: int, width: int, rows: slice) -> Tensor:
    """The given rows of `F.interpolate(small, (height, width), mode="bilinear")`."""
    count = small.shape[-2]
    y = (torch.arange(rows.start, rows.stop) + 0.5) * count / height - 0.5
    y = y.clamp(0, count - 1)
    above = y.long()
    below = (above + 1).clamp(max=count - 1)
    lines = small[..., above, :].lerp(small[..., below, :], (y - above)[:, None])
    return F.interpolate(lines, (len(y), width), mode="bilinear")

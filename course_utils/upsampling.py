"""Colors of a small copy of a photograph, enlarged: the edges of L lead, so that they do not bleed.
Lesson 5."""

import torch
from torch import Tensor
from torch.nn import functional as F


def joint_bilateral(ab: Tensor, guide: Tensor, nearness: float = 0.5, alike: float = 8.0) -> Tensor:
    """Enlarge ab (1, 2, h, w) to the size of an L (1, 1, H, W): each pixel takes the mean of the
    4 x 4 colors around it, those of about its own L above all (Kopf et al., 2007).

    Args:
        nearness: standard deviation of the Gaussian of distance, in pixels of ab.
        alike: that of the Gaussian of the difference in L.
    """
    height, width = guide.shape[-2:]
    rows, columns = ab.shape[-2:]
    coarse = F.adaptive_avg_pool2d(guide, (rows, columns))
    y = (torch.arange(height) + 0.5) * rows / height - 0.5  # where a pixel lies among those of ab
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
    """Enlarge ab (1, 2, h, w) to the size of L (1, 1, H, W), led by the edges of L; `guide` is L
    at the size of ab, (1, 1, h, w). `colorize.colorize` does the same, some rows at a time."""
    slope, offset = F.interpolate(
        lines_of_lightness(ab, guide), lightness.shape[-2:], mode="bilinear"
    ).chunk(2, dim=1)
    return slope * lightness + offset


def lines_of_lightness(ab: Tensor, guide: Tensor, radius: int = 1, flat: float = 1.0) -> Tensor:
    """Around each pixel a and b as straight lines of L, fitted by least squares: the guided filter
    of He et al. (2013), in its fast form.

    Args:
        ab: (1, 2, h, w).
        guide: L, (1, 1, h, w).
        radius: of the window of the fit, in pixels.
        flat: a window that varies less in L than this has no edges to follow.
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
    """Some rows of what `F.interpolate(small, (height, width), mode="bilinear")` gives."""
    count = small.shape[-2]
    y = (torch.arange(rows.start, rows.stop) + 0.5) * count / height - 0.5
    y = y.clamp(0, count - 1)
    above = y.long()
    below = (above + 1).clamp(max=count - 1)
    lines = small[..., above, :].lerp(small[..., below, :], (y - above)[:, None])
    return F.interpolate(lines, (len(y), width), mode="bilinear")

"""The 313 ab bins: color as classes. Lesson 6.

Zhang, Isola and Efros ("Colorful Image Colorization", ECCV 2016) lay a grid with spacing 10
over the ab plane and keep the 313 cells that they call in gamut. A network then predicts a
probability for each bin, and the color is a (sharpened) mean of the bin centers.
"""

from collections.abc import Iterable
from functools import cache

import torch
from torch import Tensor

from course_utils.plumbing.limits import check_temperature

GRID_STEP = 10
# For each a, the closed range of b that is kept, as published with the paper's network.
B_RANGE_OF_A = {
    -90: (50, 90), -80: (20, 90), -70: (0, 90), -60: (-20, 90), -50: (-30, 100),
    -40: (-40, 100), -30: (-50, 100), -20: (-50, 100), -10: (-60, 100), 0: (-70, 100),
    10: (-80, 90), 20: (-80, 90), 30: (-90, 90), 40: (-100, 90), 50: (-100, 80),
    60: (-110, 80), 70: (-110, 80), 80: (-110, 70), 90: (-110, 70), 100: (-90, 0),
}  # fmt: skip

AB_BINS = torch.tensor(
    [
        (a, b)
        for a, (low, high) in B_RANGE_OF_A.items()
        for b in range(low, high + GRID_STEP, GRID_STEP)
    ],
    dtype=torch.float32,
)  # (313, 2), in lexicographic order


CELLS = 23  # along each axis of the grid, with centers from -110 to 110
EDGE = 115.0  # where the outermost cells end


def soft_encode(ab: Tensor, neighbors: int = 5, sigma: float = 5.0) -> Tensor:
    """Spread each color over its nearest bins, so that a near miss costs little.

    Args:
        ab: (B, 2, H, W) in CIE units, clamped to -115..115, which contains every sRGB color.
        neighbors: how many bins share a pixel: 5 in the paper, 10 in its released code.
        sigma: standard deviation of the Gaussian of distance that weights them, in CIE units.
    Returns:
        (B, 313, H, W) weights >= 0 that sum to 1 over the bins.
    Raises:
        ValueError: not two channels, NaN or infinite values, or an invalid number of neighbors.
    """
    distance, index = _nearest(ab, neighbors)  # (B, H, W, neighbors)
    weight = torch.softmax(-distance.square() / (2 * sigma**2), dim=-1)
    encoded = weight.new_zeros(*weight.shape[:3], len(AB_BINS)).scatter_(-1, index, weight)
    return encoded.movedim(-1, 1)


def nearest_bin(ab: Tensor) -> Tensor:
    """Index of the bin whose center is nearest: ab (B, 2, H, W) -> int64 (B, H, W)."""
    return _nearest(ab, 1)[1][..., 0]


def empirical_prior(pictures: Iterable[Tensor], sigma: float = 5.0) -> Tensor:
    """Estimate the probability of each bin from the pixels of pictures, smoothed over the ab plane.

    Args:
        pictures: batches of ab (B, 2, H, W) in CIE units.
        sigma: standard deviation of the smoothing Gaussian, in CIE units; 0 turns smoothing off.
    Returns:
        (313,) probabilities that sum to 1, float32 on the CPU; 0 far from every color that occurs.
    Raises:
        ValueError: no pixels.
    """
    count = torch.zeros(len(AB_BINS), dtype=torch.float64)
    for ab in pictures:
        count += nearest_bin(ab).flatten().bincount(minlength=len(AB_BINS)).cpu()
    if count.sum() == 0:
        raise ValueError("pictures: expected at least one pixel, got none")
    if sigma:
        distance = torch.cdist(AB_BINS, AB_BINS).double()
        spread = torch.exp(-distance.square() / (2 * sigma**2))  # (313, 313)
        count = count @ (spread / spread.sum(dim=1, keepdim=True))  # keeps the total count
    return (count / count.sum()).float()


def class_weights(prior: Tensor, uniform: float = 0.5) -> Tensor:
    """Weights that make rare colors count more: w is proportional to 1 / ((1 - u) p + u / 313).

    Args:
        prior: (313,) probabilities p, see `empirical_prior`.
        uniform: u in (0, 1], the share of the uniform distribution that is mixed in; 1/2 in the
            paper (its lambda). At 1 all weights are 1; near 0 unseen bins get huge weights.
    Returns:
        (313,) finite weights, scaled so that the average pixel has weight 1: sum(p w) = 1.
    Raises:
        ValueError: `uniform` outside (0, 1], or a prior that is not a distribution over 313 bins.
    """
    if not 0 < uniform <= 1:
        raise ValueError(f"uniform: expected a share in (0, 1], got {uniform:g}")
    if prior.shape != (len(AB_BINS),) or not (prior >= 0).all() or abs(prior.sum() - 1) > 1e-3:
        raise ValueError("prior: expected 313 probabilities that sum to 1")
    weight = 1 / ((1 - uniform) * prior + uniform / len(prior))
    return weight / (prior * weight).sum()


def annealed_mean(logits: Tensor, temperature: float = 0.38) -> Tensor:
    """Decode logits to colors: softmax(logits / T), then the mean of the bin centers.

    T -> 0 gives the most likely bin (vivid, patchy); T = 1 the plain mean (smooth, dull).

    Args:
        logits: (B, 313, H, W).
        temperature: T in (0, 1]; 0.38 in the paper.
    Returns:
        (B, 2, H, W) ab in CIE units.
    Raises:
        ValueError: a temperature outside (0, 1], or not 313 channels.
    """
    check_temperature(temperature)
    if logits.ndim != 4 or logits.shape[1] != len(AB_BINS):
        raise ValueError(f"logits: expected shape (B, 313, H, W), got {tuple(logits.shape)}")
    probability = torch.softmax(logits.float() / temperature, dim=1)
    return torch.einsum("bqhw,qc->bchw", probability, AB_BINS.to(probability))


@torch.no_grad()
def _nearest(ab: Tensor, neighbors: int) -> tuple[Tensor, Tensor]:
    """Distances to the nearest bins and their indices, both (B, H, W, neighbors).

    A color is compared only with the few bins around its grid cell.
    """
    if ab.ndim != 4 or ab.shape[1] != 2:
        raise ValueError(f"ab: expected shape (B, 2, H, W), got {tuple(ab.shape)}")
    if not 1 <= neighbors <= len(AB_BINS):
        raise ValueError(f"neighbors: expected 1 to {len(AB_BINS)}, got {neighbors}")
    if not ab.isfinite().all():
        raise ValueError("ab: expected numbers, some are NaN or infinite")
    color = ab.float().clamp(-EDGE, EDGE).movedim(1, -1)  # (B, H, W, 2)
    row, column = (color / GRID_STEP + CELLS // 2).round().clamp(0, CELLS - 1).long().unbind(-1)
    around = _bins_around(neighbors).to(ab.device)[row * CELLS + column]  # (B, H, W, candidates)
    offset = AB_BINS.to(ab.device)[around] - color[..., None, :]  # (B, H, W, candidates, 2)
    distance, order = torch.hypot(*offset.unbind(-1)).topk(neighbors, largest=False)
    return distance, around.gather(-1, order)


@cache
def _bins_around(neighbors: int) -> Tensor:
    """For each grid cell, the candidates for the nearest bins of a color in it.

    A bin is ruled out if its smallest distance to the cell is more than the largest distance of
    `neighbors` other bins to any point of the cell.
    """
    line = torch.linspace(-110, 110, CELLS)
    gap = (torch.cartesian_prod(line, line)[:, None] - AB_BINS).abs()  # (cells, 313, 2)
    least = (gap - GRID_STEP / 2).clamp(min=0).norm(dim=-1)
    most = (gap + GRID_STEP / 2).norm(dim=-1).kthvalue(neighbors, dim=1, keepdim=True).values
    candidates = (least <= most).sum(dim=1).max().item()
    return least.topk(candidates, largest=False).indices

"""The 313 ab bins: color as classes.

Zhang, Isola and Efros ("Colorful Image Colorization", ECCV 2016) lay a grid of step 10 over
the ab plane and keep the 313 cells that colors of real photographs fall into. A network then
gives each bin a probability, and a color is read off as a (sharpened) mean of bin centres.
"""

import torch
from torch import Tensor

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


def soft_encode(ab: Tensor, neighbours: int = 5, sigma: float = 5.0) -> Tensor:
    """Spread each color over its nearest bins, so that a near miss costs little.

    Args:
        ab: (B, 2, H, W) in CIE units.
        neighbours: how many bins share a pixel: 5 in the paper, 10 in its released code.
        sigma: width of the Gaussian that weighs them by distance, in CIE units.
    Returns:
        (B, 313, H, W) weights >= 0 that sum to 1 over the bins.
    Raises:
        ValueError: ab has not exactly two channels.
    """
    if ab.ndim != 4 or ab.shape[1] != 2:
        raise ValueError(f"ab: expected shape (B, 2, H, W), got {tuple(ab.shape)}")
    pixels = ab.movedim(1, -1)  # (B, H, W, 2)
    distance = torch.cdist(pixels.flatten(0, 2), AB_BINS.to(pixels))  # (B*H*W, 313)
    nearest, index = distance.topk(neighbours, largest=False)  # (B*H*W, neighbours)
    weight = torch.softmax(-(nearest**2) / (2 * sigma**2), dim=-1)
    encoded = torch.zeros_like(distance).scatter_(-1, index, weight)
    return encoded.reshape(*pixels.shape[:3], len(AB_BINS)).movedim(-1, 1)


def check_temperature(temperature: float) -> None:
    """Raise ValueError for a temperature outside (0, 1]."""
    if not 0 < temperature <= 1:
        raise ValueError(f"temperature: expected a number in (0, 1], got {temperature:g}")


def annealed_mean(logits: Tensor, temperature: float = 0.38) -> Tensor:
    """Read a color off the bins: softmax(logits / T), then the mean of the bin centres.

    T -> 0 is the most likely bin (vivid, patchy); T = 1 is the mean (smooth, dull).

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
    probability = torch.softmax(logits / temperature, dim=1)
    return torch.einsum("bqhw,qc->bchw", probability, AB_BINS.to(logits))

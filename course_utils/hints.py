"""Color hints: colors given at a few pixels are propagated to the rest. Lesson 7.

Neighbors of about the same L have about the same color (Levin, Lischinski and Weiss, "Colorization
using Optimization", SIGGRAPH 2004). So for each pixel r and its neighbors s

    color(r) - sum over s of w_rs color(s) = 0,   w_rs ~ exp(-(L(r) - L(s))^2 / (2 sigma^2)),

where the weights of a pixel sum to 1; at a hint, color(r) is the hint's. With a network, which
predicts colors already, it is the *residual* that is propagated: the hint's color minus the
network's. It fades with distance, because far from all hints the network knows better:

    (1 + fading) residual(r) - sum over s of w_rs residual(s) = 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import dist
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from course_utils.color import rgb_to_lab
from course_utils.plumbing.hint_files import MOST_HINTS, RGB, as_rgb, check_ab, check_place

if TYPE_CHECKING:  # imported lazily elsewhere: without hints SciPy is not needed
    from scipy.sparse import csr_array

SIGMA = 5.0  # difference in L at which the weight falls to 61 %
REACH = 1.0  # distance at which a residual fades to 1/e, in shorter sides of the picture
FAINT = 1e-12  # added to each weight, so that their sum is never 0
NO_FADING = 1e-9  # instead of 0, which makes the matrix singular

Lab = tuple[Tensor, Tensor]  # L and ab


@dataclass(frozen=True)
class Hint:
    """The color at one point. Only its a and b are used; L stays the photograph's.

    Args:
        x, y: the point, as fractions of the width from the left and of the height from the top.
        color: sRGB, "#rrggbb" or three 8-bit numbers.
        ab: a and b in CIE units, if `color` is None.
    Raises:
        ValueError: a point outside [0, 1], or an invalid color.

    >>> Hint(0.4, 0.6, "#c03020") == Hint(0.4, 0.6, (192, 48, 32))
    True
    """

    x: float
    y: float
    color: RGB | str | None
    ab: tuple[float, float] | None = None  # in CIE units; `color` is None where it is given

    def __post_init__(self) -> None:
        check_place(self.x, self.y)
        if self.ab is not None:
            check_ab(*self.ab)
            return
        rgb = as_rgb(self.color)
        _, a, b = rgb_to_lab(torch.tensor(rgb, dtype=torch.uint8).reshape(3, 1, 1)).flatten()
        object.__setattr__(self, "color", rgb)
        object.__setattr__(self, "ab", (a.item(), b.item()))

    @classmethod
    def from_ab(cls, x: float, y: float, a: float, b: float) -> "Hint":
        """Make a hint from a and b, in CIE units, instead of an sRGB color."""
        return cls(x, y, None, (a, b))

    def pixel(self, height: int, width: int) -> tuple[int, int]:
        """Its row and column in a picture of this size."""
        return min(int(self.y * height), height - 1), min(int(self.x * width), width - 1)


def neighbor_weights(lightness: Tensor, sigma: float = SIGMA) -> "csr_array":
    """The weights w_rs: L (H, W) -> sparse (H*W, H*W), one row per pixel, at most 8 values each.

    >>> neighbor_weights(torch.tensor([[50.0, 50.0, 90.0]])).toarray().round(2)
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    from scipy.sparse import csr_array

    height, width = lightness.shape
    number = np.arange(height * width).reshape(height, width)
    framed = np.pad(number, 1, constant_values=-1)
    around = [(row, column) for row in range(3) for column in range(3) if (row, column) != (1, 1)]
    s = np.stack([framed[row : row + height, column : column + width] for row, column in around])
    r = np.broadcast_to(number, s.shape)[s >= 0]  # pairs of neighbors, r and s
    s = s[s >= 0]
    level = np.asarray(lightness, np.float64).ravel()
    weight = np.exp(-((level[r] - level[s]) ** 2) / (2 * sigma**2)) + FAINT
    weight /= np.bincount(r, weight)[r]  # now those of each pixel sum to 1
    return csr_array((weight, (r, s)), shape=(number.size, number.size))


def system(lightness: Tensor, reach: float = REACH, sigma: float = SIGMA) -> "csr_array":
    """The matrix (1 + fading) I - W; its product with the colors is 0 where there is no hint.

    Args:
        lightness: L (H, W) in 0..100.
        reach: see `REACH`. Infinity means no fading, which is Levin's system.
        sigma: see `SIGMA`.
    Returns:
        Sparse (H*W, H*W).
    """
    from scipy.sparse import eye_array

    # Away from edges, the mean of a pixel's 8 neighbors is its value + 3/8 of the Laplacian, so a
    # fading of 3/8 / (reach * side)^2 makes a residual fall as exp(-distance / (reach * side)).
    fading = max(3 / 8 / (reach * min(lightness.shape)) ** 2, NO_FADING)
    weights = neighbor_weights(lightness, sigma)
    return (1 + fading) * eye_array(lightness.numel(), format="csr") - weights


class Carrier:
    """Propagates values over one photograph; its system is factorized once, for any hints."""

    def __init__(self, lightness: Tensor, reach: float = REACH, sigma: float = SIGMA) -> None:
        """lightness: L (H, W) in 0..100. For `reach` and `sigma` see `system`."""
        from scipy.sparse.linalg import splu

        self.shape = lightness.shape
        self.factors = splu(
            system(lightness, reach, sigma).tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0,  # diagonally dominant: no pivoting needed
            options={"SymmetricMode": True},
        )
        self.spread: dict[int, np.ndarray] = {}  # pixel -> solution for a unit source there, (H*W,)

    def carry(self, values: Tensor, known: Tensor) -> Tensor:
        """Propagate values from known pixels to all pixels.

        The result is a linear combination of the solutions for a unit source at each known pixel.
        Its coefficients, which reproduce the known values, solve a small dense system.

        Args:
            values: (C, H, W); only known ones are used.
            known: bool (H, W).
        Returns:
            (C, H, W) float32, equal to `values` at the known pixels; 0 if none are known.
        """
        pixels = known.flatten().nonzero()[:, 0].tolist()
        if not pixels:
            return torch.zeros_like(values, dtype=torch.float32)
        new = [pixel for pixel in pixels if pixel not in self.spread]
        sources = np.zeros((known.numel(), len(new)))
        sources[new, range(len(new))] = 1
        if new:
            self.spread |= zip(new, self.factors.solve(sources).T, strict=True)
        self.spread = {pixel: self.spread[pixel] for pixel in pixels}  # drop those of removed hints
        spread = np.stack(list(self.spread.values()))  # (hints, H*W)
        wanted = values.flatten(1)[:, pixels].T.double().numpy()  # (hints, C)
        shares = np.linalg.solve(spread[:, pixels].T, wanted)
        return torch.from_numpy(shares.T @ spread).float().reshape(values.shape)


def residual(hints: Sequence[Hint], ab: Tensor) -> tuple[Tensor, Tensor]:
    """The hints' colors minus `ab` (2, H, W).

    Returns:
        The differences (2, H, W), averaged over hints that share a pixel, and where there are
        hints, bool (H, W).
    Raises:
        ValueError: more than `MOST_HINTS` hints.
    """
    if len(hints) > MOST_HINTS:
        raise ValueError(f"hints: expected at most {MOST_HINTS}, got {len(hints)}")
    lack, count = torch.zeros_like(ab), torch.zeros(ab.shape[1:])
    for hint in hints:
        row, column = hint.pixel(*ab.shape[1:])
        lack[:, row, column] += torch.tensor(hint.ab) - ab[:, row, column]
        count[row, column] += 1
    return lack / count.clamp(min=1), count > 0


def as_input(hints: Sequence[Hint], size: tuple[int, int]) -> Tensor:
    """Encode hints for a network with four inputs: a, b and a 0/1 mask, (1, 3, h, w).

    Each hint covers 2 x 2 pixels, the most frequent size in the network's training.
    """
    planes = torch.zeros(1, 3, *size)
    for hint in hints:
        row, column = hint.pixel(*size)
        touch = torch.tensor([*hint.ab, 1.0])[:, None, None]
        planes[0, :, row : row + 2, column : column + 2] = touch
    return planes


@dataclass
class Dab:
    """A full-resolution correction around a hint, for pixels of about the same L.

    Hints are propagated on a small copy of the photograph, which can miss the hint's own pixel.
    """

    row: int
    column: int
    radius: float  # in pixels
    level: float  # L of the hint's pixel
    lack: Tensor  # missing a and b, (2,)

    def put_on(self, ab: Tensor, lightness: Tensor, top: int) -> None:
        """Add it in place to ab (1, 2, n, W), given L (1, 1, n, W), of the rows from `top` on."""
        reach = int(self.radius)
        first, left = max(0, self.row - reach - top), max(0, self.column - reach)
        rows = slice(first, max(0, self.row + reach + 1 - top))
        columns = slice(left, self.column + reach + 1)
        step = lightness[0, 0, rows, columns] - self.level
        y = torch.arange(step.shape[0]) + (first + top - self.row)
        x = torch.arange(step.shape[1]) + (left - self.column)
        near = (1 - torch.hypot(y[:, None].float(), x.float()) / self.radius).clamp(min=0)
        alike = torch.exp(-(step**2) / (2 * SIGMA**2))
        ab[0, :, rows, columns] += self.lack[:, None, None] * near * alike


def dabs(
    hints: Sequence[Hint], size: tuple[int, int], radius: float, rows: Callable[[slice], Lab]
) -> list[Dab]:
    """Make a dab for each hint, no larger than the distance to the next hint.

    Args:
        hints: the hints; of several at one pixel the last one counts.
        size: height and width of the photograph.
        radius: the largest radius of a dab, in pixels.
        rows: slice of n rows -> L (1, 1, n, W) and ab (1, 2, n, W) before any dabs.
    """
    asked = {hint.pixel(*size): hint.ab for hint in hints}  # at one pixel, the last one counts
    made = []
    for place, ab in asked.items():
        row, column = place
        apart = [dist(place, other) for other in asked if other != place]
        lightness, colors = rows(slice(row, row + 1))
        lack = torch.tensor(ab) - colors[0, :, 0, column]
        level = lightness[0, 0, 0, column].item()
        made.append(Dab(row, column, min([radius, *apart]), level, lack))
    return made

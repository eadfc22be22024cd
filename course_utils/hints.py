"""Color hints: a person says the colors of a few places, the rest follows. Lesson 7.

Neighbors of about the same L have about the same color (Levin, Lischinski and Weiss, "Colorization
using Optimization", SIGGRAPH 2004). So for each pixel r and its neighbors s

    color(r) - sum over s of w_rs color(s) = 0,   w_rs ~ exp(-(L(r) - L(s))^2 / (2 sigma^2)),

where the weights of a pixel sum to 1; and at a hint, color(r) is what the hint says. A network
knows some of the color already. What is carried along is then the *residual*, the hint's color
minus the network's, and it fades on its way, for far from all hints the network knows better:

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

if TYPE_CHECKING:  # else SciPy is imported where it is needed: colorizing without hints is not
    from scipy.sparse import csr_array

SIGMA = 5.0  # a step in L that lets 61 % through
REACH = 1.0  # how far a residual goes until it fades, in shorter sides of the picture
FAINT = 1e-12  # a pixel unlike all of its neighbors still has neighbors
NO_FADING = 1e-9  # in place of 0, for which a system without hints has no single solution

Lab = tuple[Tensor, Tensor]  # L and ab


@dataclass(frozen=True)
class Hint:
    """The color of one place. Its a and b count; L stays the photograph's.

    Args:
        x, y: the place, as fractions of the width from the left and of the height from the top.
        color: sRGB, "#rrggbb" or three 8-bit numbers.
    Raises:
        ValueError: a place outside [0, 1], or no color.

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
        """A hint by Lab's a and b, in CIE units, instead of by an sRGB color."""
        return cls(x, y, None, (a, b))

    def pixel(self, height: int, width: int) -> tuple[int, int]:
        """Its row and column in a picture of this size."""
        return min(int(self.y * height), height - 1), min(int(self.x * width), width - 1)


def neighbor_weights(lightness: Tensor, sigma: float = SIGMA) -> "csr_array":
    """The weights w_rs: L (H, W) -> sparse (H*W, H*W), a row a pixel, at most 8 numbers in it.

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
    """(1 + fading) I - W, for an L (H, W): what makes 0 of the colors where there is no hint.

    Args:
        reach: see `REACH`. For infinity nothing fades: that is Levin's system.
    """
    from scipy.sparse import eye_array

    # Far from edges the mean of 8 neighbors is that of a pixel + 3/8 of its Laplacian, so that a
    # residual falls as exp(-distance / (reach * side)) where fading is 3/8 / (reach * side)^2.
    fading = max(3 / 8 / (reach * min(lightness.shape)) ** 2, NO_FADING)
    weights = neighbor_weights(lightness, sigma)
    return (1 + fading) * eye_array(lightness.numel(), format="csr") - weights


class Carrier:
    """The system of one photograph, factorized once, so that hints can come and go."""

    def __init__(self, lightness: Tensor, reach: float = REACH, sigma: float = SIGMA) -> None:
        """lightness: L (H, W) in 0..100. For `reach` and `sigma` see `system`."""
        from scipy.sparse.linalg import splu

        self.shape = lightness.shape
        self.factors = splu(
            system(lightness, reach, sigma).tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0,  # diagonals prevail: rows need not change places
            options={"SymmetricMode": True},
        )
        self.spread: dict[int, np.ndarray] = {}  # pixel -> what comes from there alone, (H*W,)

    def carry(self, values: Tensor, known: Tensor) -> Tensor:
        """Carry values from where they are known to everywhere.

        With what spreads from each known pixel alone, the solution is their sum in such shares
        that it has the known values: a small system, of as many unknowns as there are hints.

        Args:
            values: (C, H, W); only known ones are looked at.
            known: bool (H, W).
        Returns:
            (C, H, W) float32, with the known values where they are known.
        """
        pixels = known.flatten().nonzero()[:, 0].tolist()
        if not pixels:
            return torch.zeros_like(values, dtype=torch.float32)
        new = [pixel for pixel in pixels if pixel not in self.spread]
        sources = np.zeros((known.numel(), len(new)))
        sources[new, range(len(new))] = 1
        if new:
            self.spread |= zip(new, self.factors.solve(sources).T, strict=True)
        self.spread = {pixel: self.spread[pixel] for pixel in pixels}  # of these hints alone
        spread = np.stack(list(self.spread.values()))  # (hints, H*W)
        wanted = values.flatten(1)[:, pixels].T.double().numpy()  # (hints, C)
        shares = np.linalg.solve(spread[:, pixels].T, wanted)
        return torch.from_numpy(shares.T @ spread).float().reshape(values.shape)


def propagate(
    lightness: Tensor,
    values: Tensor,
    known: Tensor,
    reach: float = float("inf"),
    sigma: float = SIGMA,
) -> Tensor:
    """Colors from where they are known to everywhere, by the edges of L alone: what Levin does.

    Args:
        lightness: L (H, W) in 0..100.
        values: a and b, or any channels, (C, H, W); only known ones are looked at.
        known: bool (H, W).
        reach: how far values go until they fade to 0, in shorter sides of the picture; in Levin's
            paper they do not fade.
        sigma: a step in L that lets 61 % through.
    Returns:
        (C, H, W) float32.
    """
    return Carrier(lightness, reach, sigma).carry(values, known)


def residual(hints: Sequence[Hint], ab: Tensor) -> tuple[Tensor, Tensor]:
    """What a and b (2, H, W) lack at hints: (2, H, W), and where that is known, bool (H, W). Of
    hints that share a pixel it is the mean."""
    if len(hints) > MOST_HINTS:
        raise ValueError(f"hints: expected at most {MOST_HINTS}, got {len(hints)}")
    lack, count = torch.zeros_like(ab), torch.zeros(ab.shape[1:])
    for hint in hints:
        row, column = hint.pixel(*ab.shape[1:])
        lack[:, row, column] += torch.tensor(hint.ab) - ab[:, row, column]
        count[row, column] += 1
    return lack / count.clamp(min=1), count > 0


@dataclass
class Dab:
    """What a hint's pixel still lacks, and with it pixels around it that have about its L: the
    system knows a small copy of the photograph, which has not each of its pixels."""

    row: int
    column: int
    radius: float  # in pixels
    level: float  # L there
    lack: Tensor  # of a and b, (2,)

    def put_on(self, ab: Tensor, lightness: Tensor, top: int) -> None:
        """Change ab (1, 2, rows, W) in place; L (1, 1, rows, W); `top` is the first row."""
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
    """A dab for each hint, which ends before the next one.

    Args:
        size: height and width of the photograph.
        radius: of a dab with none near it, in pixels.
        rows: gives L (1, 1, n, W) and ab (1, 2, n, W) of n rows, as they are without dabs.
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

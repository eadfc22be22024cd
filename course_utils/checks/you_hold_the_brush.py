"""Checks of lesson 7, you hold the brush."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.checks.framework import Wrong, call, check, compare, number, pair
from course_utils.colorize import colorize
from course_utils.hints import Carrier, Hint
from course_utils.photos import photo_to_lab, sample_photo

TARGET, SEEN = 100, 31  # MSE(ab); side in pixels of the window that finds the worst area
OUT, IN = 8.0, 45.0  # the mean a must be below OUT outside the ring and above IN inside


def leaky_ring(gap: int = 2) -> Tensor:
    """L (40, 40) of a dark ring, radius 12, with a gap of so many pixels at its right."""
    far = _from_the_middle()
    lightness = torch.where((far - 12).abs() < 1.5, 30.0, 60.0)
    lightness[20 - gap // 2 : 20 + gap // 2, 25:] = 60.0
    return lightness


@check("The weights of one pixel's neighbors")
def hint_weights(answer: Callable) -> None:
    """A function (L of a pixel, L of its neighbors (N,), sigma) -> their weights (N,)."""
    for level, around, sigma in (
        (50.0, [50.0, 53.0, 44.0, 60.0], 5.0),
        (20.0, [24.0, 18.0, 30.0], 8.0),
    ):
        squared = (torch.tensor(around).double() - level) ** 2
        gauss = torch.exp(-squared / (2 * sigma**2))
        mistakes = {
            "divide by their sum, so that they add up to 1": gauss,
            "exp(-step² / (2 sigma²)): the 2 is missing": _share(gauss**2),
            "sigma is squared too: exp(-step² / (2 sigma²))": _share(
                torch.exp(-squared / (2 * sigma))
            ),
            "square the step in L": _share(torch.exp(-squared.sqrt() / (2 * sigma**2))),
            "a larger step means less weight: a minus is missing": _share(1 / gauss),
            "divide by their sum; softmax of the weights takes the exponential twice": (
                gauss.softmax(0)
            ),
            "the neighbors do not count the same: use their L": torch.ones(len(around)).double()
            / len(around),
        }
        got = call(answer, level, torch.tensor(around), sigma)
        compare(got, _share(gauss), mistakes, tolerance=1e-4)


@check("One row of the system")
def system_row(answer: Callable) -> None:
    """A function (weights (N,), pixel, hint) -> a row (N,) and its right-hand side; the hint is the
    color of this pixel, or None."""
    weights = torch.tensor([0.0, 0.3, 0.0, 0.5, 0.2, 0.0])
    for hint in (None, 40.0):
        name = "a pixel without a hint" if hint is None else "a pixel with a hint"
        row, right = _row_and_number(call(answer, weights, 2, hint))
        itself = torch.eye(6)[2]
        mistakes = {
            "1 times the pixel itself is missing": -weights,
            "the pixel minus its neighbors: a minus is missing": itself + weights,
            "a hint replaces the whole row: its neighbors have no say": itself - weights,
            "these are the weights; the equation is color - sum of weights * colors = 0": weights,
            "without a hint the neighbors say what the color is": itself,
            "only 1 times the pixel: the hint goes to the right-hand side": itself * 40.0,
        }
        expected = itself if hint is not None else itself - weights
        mistakes = {
            what: value for what, value in mistakes.items() if not torch.equal(value, expected)
        }
        compare(row, expected, mistakes)
        wanted = 0.0 if hint is None else hint
        if abs(right - wanted) > 1e-4:
            why = "the color minus the neighbors' mean is 0" if hint is None else "it is the hint"
            raise Wrong(f"{name}: expected {wanted:g} on the right, got {right:g}. Hint: {why}.")


@check("Three hints")
def three_hints(answer: object) -> None:
    """At most three `Hint`s with which the coffee comes under an MSE(ab) of `TARGET`."""
    if not isinstance(answer, list | tuple) or not all(isinstance(each, Hint) for each in answer):
        raise Wrong("expected a list of hints, such as [Hint(0.5, 0.5, '#808080')].")
    if len(answer) > 3:
        raise Wrong(f"expected at most three hints, got {len(answer)}.")
    photo = sample_photo("coffee").resize((300, 200))
    truth = photo_to_lab(photo)[1:]  # (2, 200, 300)
    squared = (photo_to_lab(colorize(photo, hints=answer))[1:] - truth).square()
    error = squared.mean().item()
    if error < TARGET:
        return
    for place, hint in enumerate(answer, 1):
        row, column = hint.pixel(200, 300)
        a, b = truth[:, row, column].tolist()
        if torch.dist(torch.tensor(hint.ab), truth[:, row, column]) > 40:
            raise Wrong(
                f"MSE(ab) {error:.0f}. Hint: number {place} says a {hint.ab[0]:.0f}, "
                f"b {hint.ab[1]:.0f}; the photo has a {a:.0f}, b {b:.0f} there."
            )
    worst = F.avg_pool2d(squared.sum(dim=0)[None], SEEN, 1, SEEN // 2)[0].argmax().item()
    x, y = worst % 300 / 300, worst // 300 / 200
    raise Wrong(
        f"expected an MSE(ab) under {TARGET}, got {error:.0f}. "
        f"Hint: most is wrong around x {x:.2f}, y {y:.2f}."
    )


@check("A hint that leaks")
def stopped_leak(answer: object) -> None:
    """Row and column of a second hint, a = 0, that keeps the red of the first one in the ring."""
    row, column = pair(answer)
    if not all(0 <= each < 40 and each == int(each) for each in (row, column)):
        raise Wrong(f"expected a row and a column, whole numbers 0 to 39, got {row:g}, {column:g}.")
    inside, outside = _red(int(row), int(column))
    if outside < OUT and inside > IN:
        return
    said = f"a is {inside:.0f} inside and {outside:.0f} outside."
    far = _from_the_middle()[int(row), int(column)]
    flipped_in, flipped_out = _red(int(column), int(row))
    if flipped_out < OUT and flipped_in > IN:
        raise Wrong(f"{said} Hint: the row comes first, then the column.")
    if leaky_ring()[int(row), int(column)] < 60:
        raise Wrong(f"{said} Hint: that is on the dark ring, and hardly a color leaves it.")
    if far < 12:
        raise Wrong(f"{said} Hint: that is inside; it takes away red that belongs there.")
    raise Wrong(f"{said} Hint: find the gap, and stand outside in front of it.")


def _red(row: int, column: int) -> tuple[float, float]:
    """The mean a inside and outside of the ring, with a = 60 in its middle and 0 at a pixel."""
    known, values = torch.zeros(40, 40, dtype=torch.bool), torch.zeros(1, 40, 40)
    known[20, 20], values[0, 20, 20] = True, 60.0
    known[row, column], values[0, row, column] = True, 0.0
    a = Carrier(leaky_ring(), reach=float("inf")).carry(values, known)[0]
    far = _from_the_middle()
    return a[far < 10].mean().item(), a[far > 14].mean().item()


def _from_the_middle() -> Tensor:
    """Of each pixel, the distance from pixel (20, 20)."""
    rows, columns = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
    return torch.hypot(rows - 20, columns - 20)


def _row_and_number(value: object) -> tuple[Tensor, float]:
    try:
        row, right = value
        return torch.as_tensor(row).float(), number(right)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"expected a row and a number, got {value!r:.60}.") from None


def _share(values: Tensor) -> Tensor:
    return values / values.sum()

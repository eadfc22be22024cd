"""Checks of lesson 5, results."""

from collections.abc import Callable

import torch

from course_utils import metrics
from course_utils.checks.framework import call, check, compare, number


@check("AuC")
def auc(answer: Callable) -> None:
    """A function from ab errors to the area under their cumulative curve, 0..150, in [0, 1]."""
    errors = torch.tensor([0.0, 15.0, 30.0, 75.0, 300.0], dtype=torch.float64)
    compare(
        torch.tensor(number(call(answer, errors))),
        torch.tensor(metrics.auc(errors)),
        {
            "this is the mean error; the area is 1 - mean / 150": errors.clamp(max=150).mean(),
            "errors over 150 count as 150: clamp before the mean": 1 - errors.mean() / 150,
            "the area over the curve; subtract it from 1": errors.clamp(max=150).mean() / 150,
            "in percent; the check wants 0..1": torch.tensor(100 * metrics.auc(errors)),
            "divide the area by 150": torch.tensor(150 * metrics.auc(errors)),
        },
        tolerance=0.006,  # a sum over whole thresholds is as good as the integral
    )


@check("Colorfulness")
def colorfulness(answer: Callable) -> None:
    """A function from RGB (3, H, W) in 0..255 to Hasler and Suesstrunk's colorfulness."""
    generator = torch.Generator().manual_seed(1)
    # So many pixels that dividing by n or by n - 1 in a variance makes no difference.
    rgb = (torch.rand(3, 80, 80, generator=generator, dtype=torch.float64) * 255).round()
    rgb[2] = rgb[2] / 3  # warm on the whole, so that the means matter
    red, green, blue = rgb
    rg, yb = red - green, (red + green) / 2 - blue
    spread = (rg.var(correction=0) + yb.var(correction=0)).sqrt()
    mean = (rg.mean() ** 2 + yb.mean() ** 2).sqrt()
    expected = metrics.colorfulness(rgb[None] / 255)[0]
    absolute = (rg.abs().var(correction=0) + yb.abs().var(correction=0)).sqrt() + 0.3 * (
        rg.abs().mean() ** 2 + yb.abs().mean() ** 2
    ).sqrt()
    compare(
        torch.tensor(number(call(answer, rgb))),
        expected,
        {
            "0.3 x the size of the mean is missing": spread,
            "the mean counts 0.3 times": spread + mean,
            "rg and yb keep their signs: no abs()": absolute,
            "this is for RGB in 0..1; the measure is for 0..255": expected / 255,
            "the square of the mean, not the mean of the squares": (
                spread + 0.3 * (rg.square().mean() + yb.square().mean()).sqrt()
            ),
            "the root of the sum of both variances, not the sum of both roots": (
                rg.std(correction=0) + yb.std(correction=0) + 0.3 * mean
            ),
        },
        tolerance=1e-3 * expected.item(),
    )

"""Checks of lesson 5, results."""

from collections.abc import Callable

import torch

from course_utils import metrics
from course_utils.checks.framework import NotTried, Wrong, call, check, compare, number, untouched
from course_utils.colorize import load_model
from course_utils.data import load_dataset


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
            "this is the share at t = 150 alone; average over all t": (
                (errors <= 150).double().mean()
            ),
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
    sizes = rg.abs(), yb.abs()
    of_sizes = 0.3 * sum(size.mean() ** 2 for size in sizes).sqrt()
    absolute = sum(size.var(correction=0) for size in sizes).sqrt() + of_sizes
    neither = sum(size.std(correction=0) for size in sizes) + of_sizes
    compare(
        torch.tensor(number(call(answer, rgb))),
        expected,
        {
            "0.3 x the size of the mean is missing": spread,
            "the mean counts 0.3 times": spread + mean,
            "this is what it gave before it was mended": neither,
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


@check("The worse of two")
def worse_of_two(answer: dict[str, str]) -> None:
    """Sample -> "gray" or "network": which of them has the larger MSE(ab)."""
    photos = load_dataset("samples", 64, "all")
    columns = metrics.each_picture(load_model("landscapes", "cpu"), photos)
    if not isinstance(answer, dict):
        raise Wrong(f"expected a dict, sample -> 'gray' or 'network', got {answer!r:.60}.")
    if all(untouched(answer.get(name, "")) for name in photos.names):
        raise NotTried
    for place, name in enumerate(photos.names):
        if untouched(answer.get(name, "")):
            raise Wrong(f"{name}: no answer yet.")
        word = str(answer.get(name)).strip().lower().replace("grey", "gray")
        if word not in ("gray", "network"):
            raise Wrong(f"{name}: expected 'gray' or 'network', got {answer.get(name)!r:.60}.")
        network, gray = (columns[which][place] for which in ("mse_ab", "mse_ab_of_gray"))
        if (word == "gray") != bool(gray > network):
            hint = (
                "gray misses all of its color; the network has some of it right"
                if word == "network"
                else "its colors are wrong ones, and those cost more than none"
            )
            raise Wrong(
                f"{name}: MSE(ab) is {gray:.0f} for gray and {network:.0f} for the network. "
                f"Hint: {hint}."
            )


@check("An experiment on a failure")
def upper_b(answer: Callable) -> None:
    """A function (model, L, upside_down) that returns the mean b of the photo's upper third."""
    model, photos = load_model("landscapes", "cpu"), load_dataset("samples", 64, "all")
    lightness = photos.lab[photos.names.index("coffee"), :1][None].float()
    third = lightness.shape[2] // 3
    with torch.inference_mode():
        as_is, flipped = model(lightness)[0], model(lightness.flip(2))[0]
        mirrored = model(lightness.flip(3))[0]
    for upside_down, ab in ((False, as_is), (True, flipped.flip(1))):
        compare(
            torch.tensor(number(call(answer, model, lightness, upside_down))),
            ab[1, :third].mean(),
            {
                "turn the answer back, so that its rows are those of the photo": (
                    flipped[1, :third].mean()
                ),
                "this is a; b is the second channel": ab[0, :third].mean(),
                "this is the mean over all rows": ab[1].mean(),
                "this is the lower third; it begins with row 0": ab[1, -third:].mean(),
                "these are columns; rows are the dimension before the last": (
                    ab[1, :, :third].mean()
                ),
                "this is mirrored, left and right; rows are dimension 2 of L": (
                    mirrored[1, :third].mean()
                ),
                "turn the photo before the network sees it": as_is[1, -third:].mean(),
                "it was to be turned upside down here": as_is[1, :third].mean(),
            },
        )

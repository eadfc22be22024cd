"""A batch, a scene's right answers, how often colors occur, what loading costs. Lesson 2."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.figures.base import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    STYLE,
    bare,
    gallery,
    to_gray,
    to_pixels,
)


def batch_channels(L: Tensor, ab: Tensor) -> Figure:
    """A batch, a row a channel: L (B, 1, H, W) as gray, a and b of ab (B, 2, H, W) at one
    lightness, and all three together."""
    a, b = ab[:, :1], ab[:, 1:]
    none, level = torch.zeros_like(L), torch.full_like(L, 65)
    rows = {"L": (L, none, none), "a": (level, a, none), "b": (level, none, b), "together": (L, ab)}
    captions = [f"L[{n}], ab[{n}]" for n in range(len(L))]
    return gallery({name: torch.cat(planes, dim=1) for name, planes in rows.items()}, captions)


def right_answers(actual: Tensor, expected: Tensor, spread: Tensor) -> Figure:
    """A question, one of its right answers, and the mean and spread of all of them.

    Args:
        actual: Lab (3, H, W) of the one right answer.
        expected: Lab (3, H, W) of their mean.
        spread: root of their mean squared distance from it, (H, W), CIE units.
    """
    pictures = {
        "L: the question": to_pixels(to_gray(actual)),
        "one right answer": to_pixels(actual),
        "mean of all right answers": to_pixels(expected),
        "their spread (distance in ab)": spread.numpy(),
    }
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 4, figsize=(12, 2.8), layout="constrained")
        for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
            drawn = axis.imshow(picture, cmap="viridis")
            axis.set_title(title)
            bare(axis)
        figure.colorbar(drawn, ax=axes[3], fraction=0.046)
    return figure


def ab_histogram(ab: Tensor, title: str = "") -> Figure:
    """How often each color occurs, on a logarithmic scale. ab is (N, 2, H, W)."""
    a, b = (ab[:, channel].float().flatten().numpy() for channel in (0, 1))
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(5, 4))
        *_, drawn = axis.hist2d(a, b, bins=np.arange(-110, 115, 4), norm=LogNorm(), cmap="viridis")
        axis.set(xlabel="a: green (−) to red (+)", ylabel="b: blue (−) to yellow (+)", title=title)
        axis.set_aspect("equal")
        figure.colorbar(drawn, label="pixels (log scale)")
        figure.tight_layout()
    return figure


def time_bars(totals: dict[str, float], steps: dict[str, dict[str, float]]) -> Figure:
    """A bar for the time of each method, divided into its steps and the rest. Steps that add up to
    more than the total, because they were timed separately, are scaled to it.

    Args:
        totals: method -> milliseconds per picture.
        steps: method -> step ("decode", "resize", "Lab") -> milliseconds per picture.
    """
    shades = {"decode": GRAY, "resize": BLUE, "Lab": ORANGE, "the rest": GREEN}
    scales = {n: min(1, totals[n] / (sum(parts.values()) or 1)) for n, parts in steps.items()}
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8.5, 2.7), layout="constrained")
        left = np.zeros(len(totals))
        for step, shade in shades.items():
            width = [
                totals[name] - done
                if step == "the rest"
                else scales[name] * steps[name].get(step, 0)
                for name, done in zip(totals, left, strict=True)
            ]
            axis.barh(list(totals), np.maximum(width, 0), left=left, color=shade, label=step)
            left += np.maximum(width, 0)
        for row, (total, end) in enumerate(zip(totals.values(), left, strict=True)):
            axis.text(end, row, f"  {total:.1f} ms", va="center")
        axis.invert_yaxis()
        axis.set(xlabel="milliseconds a picture, 256 × 256", xlim=(0, 1.15 * left.max()))
        axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure

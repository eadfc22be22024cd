"""A photograph and its channels, and the curves on the way to Lab. Lesson 1."""

from collections.abc import Callable

import matplotlib
import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.figures.base import BLUE, GRAY, ORANGE, STYLE, bare, to_pixels

Curve = Callable[[Tensor], Tensor]  # (N,) -> (N,)


def channels(lab: Tensor) -> Figure:
    """A photo beside its L, a and b, each with its own scale. lab is (3, H, W)."""
    names = ("L: dark to light", "a: green to red", "b: blue to yellow")
    ramps = _channel_ramps()
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 4, figsize=(11, 2.9))
        axes[0].imshow(to_pixels(lab))
        axes[0].set_title("the photo")
        for axis, plane, name, ramp in zip(axes[1:], lab, names, ramps, strict=True):
            low, high = (0, 100) if axis is axes[1] else (-80, 80)
            drawn = axis.imshow(plane.numpy(), cmap=ramp, vmin=low, vmax=high)
            axis.set_title(name)
            figure.colorbar(drawn, ax=axis, orientation="horizontal", pad=0.04, fraction=0.06)
        for axis in axes:
            bare(axis)
        figure.tight_layout()
    return figure


def near_black(curves: dict[tuple[str, str], tuple[Curve, Curve, float]]) -> Figure:
    """Curves with a straight piece near black, each whole and enlarged; dashed, without that piece.

    Args:
        curves: (name of x, name of y) -> (the curve, the curve without its straight piece, the x
            at which the piece ends). Both are drawn over x in [0, 1].
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(len(curves), 2, figsize=(8, 2.5 * len(curves)), squeeze=False)
        for line, (names, (curve, bent, join)) in zip(axes, curves.items(), strict=True):
            for axis, end in zip(line, (1.0, 4 * join), strict=True):
                x = torch.linspace(0, end, 400, dtype=torch.float64)
                axis.plot(x, bent(x), "--", color=GRAY, label="without its straight piece")
                axis.plot(x, curve(x), color=BLUE, label="the curve")
                axis.axvline(join, color=ORANGE, linewidth=1, label="end of the straight piece")
                axis.set(xlabel=names[0], ylabel=names[1])
        axes[-1, 1].legend(frameon=False, loc="lower right")
        axes[0, 0].set_title("the whole range")
        axes[0, 1].set_title("near black")
        figure.tight_layout()
    return figure


def _channel_ramps() -> list[matplotlib.colors.Colormap]:
    """Color maps for L, a and b, made of the colors that they stand for."""
    steps = torch.linspace(-80, 80, 65)
    level, none = torch.full_like(steps, 65), torch.zeros_like(steps)
    ramps = [matplotlib.colormaps["gray"]]
    for planes in ((level, steps, none), (level, none, steps)):
        pixels = to_pixels(torch.stack(planes)[:, None])[0]
        ramps.append(matplotlib.colors.LinearSegmentedColormap.from_list("", pixels))
    return ramps

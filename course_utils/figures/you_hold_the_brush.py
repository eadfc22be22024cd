"""What hints bring. Lesson 7."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from torch import Tensor

from course_utils.figures.base import BLUE, GRAY, GREEN, INK, ORANGE, STYLE, label_at_right
from course_utils.hints import Hint


def touched(photo: Image.Image, hints: Sequence[Hint]) -> Image.Image:
    """A copy of a photograph with a disk where each hint is, in its color, within a white ring."""
    marked = photo.copy()
    draw, radius = ImageDraw.Draw(marked), min(photo.size) / 24
    for hint in hints:
        row, column = hint.pixel(photo.height, photo.width)
        draw.circle((column, row), 1.4 * radius, fill="white", outline="black")
        draw.circle((column, row), radius, fill=hint.color)
    return marked


def carried(grids: dict[str, Tensor], most: float = 60.0) -> Figure:
    """Small pictures of one channel, side by side, with the number in every pixel.

    Args:
        grids: title -> (H, W).
        most: the value that is drawn in full red; minus that in full green.
    """
    with plt.rc_context(STYLE):
        size = (3.6 * len(grids), 3.5)
        figure, axes = plt.subplots(
            1, len(grids), figsize=size, squeeze=False, layout="constrained"
        )
        for axis, (title, grid) in zip(axes[0], grids.items(), strict=True):
            axis.imshow(grid.numpy(), cmap="PiYG_r", vmin=-1.4 * most, vmax=1.4 * most)
            for (row, column), value in np.ndenumerate(grid.double().numpy()):
                axis.text(column, row, f"{round(value)}", ha="center", va="center")
            axis.set(title=title, xticks=[], yticks=[])
            axis.grid(False)
    return figure


def error_by_hints(counts: Sequence[int], ways: dict[str, Sequence[float]]) -> Figure:
    """MSE(ab) against the number of hints, of up to five ways; each is named at its end."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.6, 3.8), layout="constrained")
        styles = zip((GRAY, BLUE, ORANGE, GREEN, INK), "os^Dv", strict=True)
        ends = []
        for (name, errors), (shade, marker) in zip(ways.items(), styles, strict=False):
            axis.plot(counts, errors, color=shade, marker=marker, markersize=5)
            ends.append((errors[-1], name, INK if shade == GRAY else shade))
        axis.set(xscale="log", xticks=counts, xticklabels=counts, ylim=(0, None))
        axis.minorticks_off()
        axis.set(xlabel="hints", ylabel="MSE(ab)")
        label_at_right(axis, ends)
    return figure

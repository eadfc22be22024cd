"""Layers: what they see, what they cost, what they answer. Lesson 3."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.figures.base import BLUE, GREEN, ORANGE, STYLE, bare


def effective_dilation(rows: list[dict]) -> Figure:
    """Effective dilation and receptive field of every layer, from `architecture_table`."""
    names = [row["layer"] for row in rows]
    with plt.rc_context(STYLE):
        figure, (top, bottom) = plt.subplots(2, 1, figsize=(9, 5), sharex=True)
        dilated = [row["D"] > 1 for row in rows]
        colors = [ORANGE if each else BLUE for each in dilated]
        bars = top.bar(names, [row["De"] for row in rows], color=colors)
        for bar, each in zip(bars, dilated, strict=True):
            bar.set_hatch("//" if each else "")
            bar.set_edgecolor("white")
        top.bar_label(bars, padding=2, fontsize=8)
        top.set(ylabel="effective dilation", ylim=(0, 19))
        top.set_title(
            "Distance between neighboring taps, in input pixels; hatched: the kernel is dilated"
        )
        bottom.plot(names, [row["RF"] for row in rows], color=GREEN, marker="o", markersize=4)
        bottom.set(ylabel="receptive field (px)", ylim=(0, 380))
        bottom.tick_params(axis="x", rotation=60)
        figure.tight_layout()
    return figure


def layer_costs(rows: list[dict]) -> Figure:
    """Parameters and multiply-adds of every layer, from `architecture_table`."""
    names = [row["layer"] for row in rows]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, 1, figsize=(9, 4.6), sharex=True, layout="constrained")
        for axis, key, unit, label, shade in (
            (axes[0], "parameters", 1e6, "parameters (million)", BLUE),
            (axes[1], "flop", 1e9, "GFLOP a picture", ORANGE),
        ):
            bars = axis.bar(names, [row[key] / unit for row in rows], color=shade)
            axis.bar_label(bars, fmt="%.1f", padding=2, fontsize=8)
            axis.set_ylabel(label)
            axis.margins(y=0.15)
        axes[1].tick_params(axis="x", rotation=60)
    return figure


def maps(pictures: dict[str, Tensor], columns: int = 6) -> Figure:
    """Feature maps as pictures, each from its own dark to its own bright.

    Args:
        pictures: name of a row -> (C, H, W), of which the first `columns` are drawn.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(pictures), columns, figsize=(1.5 * columns, 1.5 * len(pictures)), squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for line, (name, planes) in zip(axes, pictures.items(), strict=True):
            for axis, plane in zip(line, planes, strict=False):
                axis.imshow(plane.float().numpy(), cmap="gray")
                bare(axis)
            line[0].set_ylabel(name)
    return figure

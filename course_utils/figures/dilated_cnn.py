"""Layers: what they read, what they see, what they cost, what they answer. Lesson 3."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from course_utils.figures.base import BLUE, GREEN, ORANGE, STYLE, bare


def _averaged(picture: Tensor, *dilations: int) -> Tensor:
    """One 3 x 3 average of each dilation after another. (1, 1, H, W), the same size."""
    average = torch.full((1, 1, 3, 3), 1 / 9)
    for dilation in dilations:
        wide = F.pad(picture, (dilation,) * 4, mode="replicate")
        picture = F.conv2d(wide, average, dilation=dilation)
    return picture


def _halved_and_doubled(picture: Tensor) -> Tensor:
    """Halved by an average, doubled again by a transposed convolution with an odd kernel."""
    odd = torch.ones(1, 1, 3, 3)
    return F.conv_transpose2d(F.avg_pool2d(picture, 2), odd, stride=2, padding=1, output_padding=1)


WAYS = {  # letter -> its number in lesson 3's exercise, and what the layers make of a picture
    "A": (3, lambda picture: _averaged(picture, 8, 8)),
    "B": (4, _halved_and_doubled),
    "C": (2, lambda picture: _averaged(picture, 1, 2, 4)),
    "D": (1, lambda picture: F.max_pool2d(picture, 8)),
}


def four_ways(picture: Tensor) -> Figure:
    """What four kinds of layers make of a picture (1, 1, H, W), under the letters A to D."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(WAYS), figsize=(11, 3), layout="constrained")
        for axis, (letter, (_, way)) in zip(axes, WAYS.items(), strict=True):
            axis.imshow(way(picture)[0, 0].numpy(), cmap="gray")
            axis.set_title(letter)
            bare(axis)
    return figure


def tap_counts(counts: dict[str, Tensor]) -> Figure:
    """How many taps of a kernel reach each pixel of a map, written into the pixel.

    Args:
        counts: title -> (H, W), whole numbers; 0 stays blank.
    """
    most = max(float(count.max()) for count in counts.values())
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(counts), figsize=(2.8 * len(counts), 3.1), squeeze=False, layout="constrained"
        )
        for axis, (title, count) in zip(axes[0], counts.items(), strict=True):
            axis.imshow(count.detach().numpy(), cmap="Blues", vmin=0, vmax=1.8 * most)
            for y, x in count.nonzero().tolist():
                axis.text(x, y, f"{count[y, x]:.0f}", ha="center", va="center", fontsize=8)
            height, width = count.shape
            axis.set(title=title, xticks=np.arange(-0.5, width), yticks=np.arange(-0.5, height))
            axis.tick_params(length=0, labelbottom=False, labelleft=False)
            axis.grid(color="lightgray", linewidth=0.5)
            axis.spines[:].set_visible(True)
    return figure


def outlined(pictures: dict[str, Tensor], shape: Tensor) -> Figure:
    """Maps enlarged to one size, under the outline of a shape that they should keep.

    Args:
        pictures: title -> (..., H, W); every map may have its own H and W.
        shape: 1 inside, 0 outside, (..., H, W).
    """
    height, width = shape.shape[-2:]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(pictures), figsize=(2.8 * len(pictures), 3), squeeze=False, layout="constrained"
        )
        for axis, (title, picture) in zip(axes[0], pictures.items(), strict=True):
            plane = picture.reshape(picture.shape[-2:]).numpy()
            axis.imshow(plane, cmap="gray", extent=(-0.5, width - 0.5, height - 0.5, -0.5))
            axis.contour(shape.reshape(height, width), [0.5], colors=ORANGE, linewidths=0.8)
            axis.set_title(title)
            bare(axis)
    return figure


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
    """Feature maps as grayscale pictures, each scaled to its own range.

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


def signal_by_block(signals: dict[str, list[float]]) -> Figure:
    """How much a channel varies after each block, on a logarithmic scale; one line for each way to
    start the weights.

    Args:
        signals: name -> the variation after conv1, conv2, ...
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6.5, 2.9), layout="constrained")
        for marker, (name, signal) in zip("os^", signals.items(), strict=False):
            blocks = [f"conv{number}" for number in range(1, len(signal) + 1)]
            axis.plot(blocks, signal, marker=marker, label=name)
        axis.set(ylabel="variation of a channel", yscale="log")
        axis.legend(frameon=False)
    return figure

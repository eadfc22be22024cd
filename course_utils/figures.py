"""Static figures. A function here returns a matplotlib figure; `show` displays it in a
notebook, with a text for those who cannot see it.

Lines and labels use the Okabe-Ito palette, which color-blind readers can tell apart, and
every line carries its name.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from cycler import cycler
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from course_utils.color import lab_to_rgb
from course_utils.data import LabDataset
from course_utils.metrics import Model, mse_ab
from course_utils.network import device_of
from course_utils.recipe import History

BLUE, ORANGE, GREEN, GRAY, INK = "#0072B2", "#D55E00", "#009E73", "#999999", "#333333"
STYLE = {
    "figure.facecolor": "white",  # stays readable in a dark theme
    "savefig.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "font.size": 10,
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN]),
}


# Photographs as PNG are large: fewer pixels, and letters as large as elsewhere.
PICTURES = STYLE | {"figure.dpi": 64, "font.size": 13, "axes.titlesize": 14, "axes.labelsize": 13}
Picture = Tensor | Image.Image  # Lab (3, H, W), or an image


def show(figure: Figure, alt: str) -> None:
    """Display a figure with its alternative text, and close it."""
    from IPython.display import display

    figure.patch.set_facecolor("white")
    display(figure, metadata={"image/png": {"alt": alt}})
    plt.close(figure)


def to_pixels(lab: Tensor) -> np.ndarray:
    """Lab (3, H, W) as RGB (H, W, 3) in [0, 1], for imshow."""
    return lab_to_rgb(lab.float()).permute(1, 2, 0).numpy()


def gray_of(lab: Tensor) -> Tensor:
    """The black-and-white photo: the same L, ab = 0. (..., 3, H, W)."""
    gray = lab.clone()
    gray[..., 1:, :, :] = 0
    return gray


def gallery(
    rows: dict[str, Sequence[Picture]], captions: Sequence[str] = (), height: float = 1.5
) -> Figure:
    """Pictures in rows with a name each, such as the original, the gray input, the result.

    Args:
        rows: name -> pictures, as many in every row; those of a column have one shape.
        captions: a line under each column.
        height: of a row, in inches.
    """
    pictures = [[_pixels(picture) for picture in row] for row in rows.values()]
    widths = [pixels.shape[1] / pixels.shape[0] for pixels in pictures[0]]
    size = (height * sum(widths) + 0.3, 1.04 * height * len(rows) + 0.2)
    with plt.rc_context(PICTURES):
        figure, axes = plt.subplots(
            len(rows), len(widths), figsize=size, width_ratios=widths, squeeze=False
        )
        for line, name, row in zip(axes, rows, pictures, strict=True):
            for axis, pixels in zip(line, row, strict=True):
                axis.imshow(pixels, cmap="gray", vmin=0, vmax=255)
                _bare(axis)
            line[0].set_ylabel(name)
        for axis, caption in zip(axes[-1], captions, strict=False):
            axis.set_xlabel(caption)
        figure.tight_layout(pad=0.3, w_pad=0.4, h_pad=0.4)
    return figure


def row(pictures: dict[str, Picture], height: float = 2.2) -> Figure:
    """Pictures side by side, each under its title; `height` is theirs, in inches."""
    pixels = [_pixels(picture) for picture in pictures.values()]
    widths = [each.shape[1] / each.shape[0] for each in pixels]
    size = (height * sum(widths) + 0.1, height + 0.35)
    with plt.rc_context(PICTURES):
        figure, axes = plt.subplots(
            1, len(widths), figsize=size, width_ratios=widths, squeeze=False, layout="constrained"
        )
        for axis, title, each in zip(axes[0], pictures, pixels, strict=True):
            axis.imshow(each, cmap="gray", vmin=0, vmax=255)
            axis.set_title(title)
            _bare(axis)
    return figure


def _pixels(picture: Picture) -> np.ndarray:
    return to_pixels(picture) if isinstance(picture, Tensor) else np.asarray(picture)


@torch.inference_mode()
def comparison(model: Model, dataset: LabDataset, most: int = 8) -> Figure:
    """Gray input, result and original of up to `most` pictures, spread over the dataset."""
    picks = torch.linspace(0, len(dataset) - 1, min(most, len(dataset))).round().int().tolist()
    lab = dataset.lab[picks].float()
    device = device_of(model)
    predicted = torch.cat([model(each[None, :1].to(device)).float().cpu() for each in lab])
    captions = [
        f"{Path(dataset.names[i]).stem}\nMSE(ab) {mse_ab(ours, truth[1:]):.0f}"
        for i, ours, truth in zip(picks, predicted, lab, strict=True)
    ]
    results = torch.cat((lab[:, :1], predicted), dim=1)
    return gallery({"gray input": gray_of(lab), "result": results, "original": lab}, captions)


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
            _bare(axis)
        figure.tight_layout()
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


def error_spread(error: Tensor, chroma: Tensor) -> Figure:
    """How many photographs have which error, and how it goes with their colors.

    Args:
        error: MSE(ab) of each photograph, (N,).
        chroma: mean chroma of each original, (N,).
    """
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
        left.hist(error, torch.logspace(0, 3.4, 35).tolist(), color=BLUE)
        for name, value, line, side in (
            ("middle", error.median(), "--", "right"),
            ("mean", error.mean(), ":", "left"),
        ):
            left.axvline(value, color="black", linestyle=line)
            left.text(value, left.get_ylim()[1], f" {name} {value:.0f} ", ha=side, va="bottom")
        left.set(xscale="log", xlabel="MSE(ab) of a photograph", ylabel="photographs")
        right.scatter(chroma, error, s=7, color=BLUE, alpha=0.6)
        even = torch.linspace(0, float(chroma.max()), 100)
        right.plot(even, even**2 / 2, color=GRAY, linestyle="--")
        most = float(chroma.max())
        right.text(
            most, 0.16 * most**2, "left gray\n(one even color)", color=INK, ha="right", va="top"
        )
        right.set(
            xlabel="mean chroma of the original", ylabel="MSE(ab)", yscale="log", ylim=(1.5, None)
        )
    return figure


def chroma_curve(true: Tensor, low: Tensor, middle: Tensor, high: Tensor) -> Figure:
    """The chroma of results against that of the originals: (N,) centers of groups of the latter,
    and quartiles of the former in each group."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(5.4, 4), layout="constrained")
        axis.plot([0, 80], [0, 80], color="black", linewidth=1)
        axis.fill_between(true, low, high, color=ORANGE, alpha=0.25)
        axis.plot(true, middle, color=ORANGE, marker="o")
        axis.text(46, 60, "as vivid as\nthe truth", ha="center")
        axis.text(true[-1], high[-1] + 2, "the network", color=ORANGE, ha="right")
        axis.set(xlabel="true chroma", ylabel="chroma of the result", xlim=(0, 80), ylim=(0, 80))
    return figure


def loss_curve(history: History) -> Figure:
    """Loss per epoch: training and validation, between the baselines and the floor. What lies far
    above all that the lines end at is cut off."""
    epochs = [row["epoch"] for row in history.rows]
    val = [row["val_mse"] for row in history.rows]
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.5, 4))
        lines = []
        if history.config.head == "regression":  # else its training loss has another unit
            train = [row["train_loss"] for row in history.rows]
            axis.plot(epochs, train, color=BLUE, marker="o", markersize=3)
            lines.append((train[-1], "training", BLUE))
        axis.plot(epochs, val, color=ORANGE, marker="o", markersize=3)
        lines.append((val[-1], "validation", ORANGE))
        for name in ("gray", "mean given L"):
            axis.axhline(history.baselines[name], color=GRAY, linestyle="--", linewidth=1)
            lines.append((history.baselines[name], name, INK))
        if history.l2_floor is not None:
            axis.axhline(history.l2_floor, color=GREEN, linestyle=":", linewidth=2)
            lines.append((history.l2_floor, "floor", GREEN))
        ends = max(value for value, *_ in lines)  # first epochs may start far above them
        axis.set_ylim(top=min(axis.get_ylim()[1], 1.25 * ends))
        _label_at_right(axis, lines)
        axis.set(xlabel="epoch", ylabel="MSE(ab), CIE units squared", title="Loss per epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        figure.tight_layout()
    return figure


def recipe_curves(result: dict) -> Figure:
    """Errors of several recipes by minute of training: on the training and validation pictures.

    Args:
        result: `curves`, name -> {"minutes", "train_loss", "val_mse"}, a number an epoch; and the
            `baselines` on validation. `benchmarks/recipe.py` writes it.
    """
    colors = (ORANGE, BLUE, GREEN, INK)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
        for axis, which, title in zip(
            axes, ("train_loss", "val_mse"), ("training", "validation"), strict=True
        ):
            lines = []
            for color, (name, curve) in zip(colors, result["curves"].items(), strict=False):
                axis.plot(curve["minutes"], curve[which], color=color)
                lines.append((curve[which][-1], name, color))
            gray = result["baselines"]["gray"]
            axis.axhline(gray, color=GRAY, linestyle="--", linewidth=1)
            axis.set(xlabel="minutes of training", title=title, ylim=(0, 1.25 * gray))
            _label_at_right(axis, [*lines, (gray, "gray", INK)])
        axes[0].set_ylabel("MSE(ab), CIE units squared")
    return figure


def time_bars(totals: dict[str, float], steps: dict[str, dict[str, float]]) -> Figure:
    """Milliseconds of each way as a bar, with its steps in it; what is left over is the rest.
    Steps that were timed one by one and add up to more than the whole are scaled to it."""
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
                _bare(axis)
            line[0].set_ylabel(name)
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


def _label_at_right(axis: plt.Axes, lines: list[tuple[float, str, str]]) -> None:
    """Write each line's name at its end, moved apart where names would overlap."""
    low, high = axis.get_ylim()
    gap, last = 0.065 * (high - low), -np.inf
    for value, name, color in sorted(lines):
        last = max(value, last + gap)
        axis.annotate(
            f"{name} {value:.0f}",
            (1.01, last),
            xycoords=("axes fraction", "data"),
            color=color,
            verticalalignment="center",
            annotation_clip=False,
        )


def _bare(axis: plt.Axes) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)

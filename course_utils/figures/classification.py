"""Colors as classes: what is possible, the bins, and errors epoch by epoch. Lesson 6."""

from itertools import cycle

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.bins import AB_BINS
from course_utils.color import lab_to_rgb
from course_utils.figures.base import BLUE, GRAY, GREEN, INK, ORANGE, STYLE, label_at_right
from course_utils.recipe import History

WORKS = {  # idea -> work -> year
    "a person helps": {"Levin": 2004, "Zhang": 2017},
    "regression": {"Iizuka": 2016},
    "classes": {"Larsson, Zhang": 2016},
    "an adversary": {"pix2pix": 2017, "DeOldify": 2018},
    "objects": {"Su": 2020},
    "transformers": {"ColTran": 2021, "DDColor": 2023},
    "diffusion": {"Palette": 2022},
}
A_AXIS, B_AXIS = "a: green (−) to red (+)", "b: blue (−) to yellow (+)"


def possible_colors(chance: Tensor, ab: Tensor, answer: Tensor) -> Figure:
    """The possible colors of an object as dots on the ab plane, and the answer of the L2 loss.

    Args:
        chance: probability of each color, (N,), shown as the size of its dot.
        ab: the colors, (N, 2), in CIE units.
        answer: their mean, (2,).
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
        for p, color in zip(chance.tolist(), ab, strict=True):
            axis.scatter(*color, s=2500 * p, color=_shade(color), edgecolor="black")
            axis.annotate(f"{p:.0%}", color, ha="center", va="center")
        axis.scatter(*answer, s=130, marker="X", color=_shade(answer), edgecolor="black")
        axis.annotate(
            "the L2 answer:\ntheir mean", answer, xytext=(14, -6), textcoords="offset points"
        )
        axis.set(xlabel=A_AXIS, ylabel=B_AXIS, aspect="equal", xlim=(-40, 100), ylim=(-75, 100))
    return figure


def bin_maps(values: dict[str, Tensor]) -> Figure:
    """Maps of the 313 bins on the ab plane, side by side.

    Args:
        values: title -> a number for each bin, (313,), or its RGB in [0, 1], (313, 3).
    """
    with plt.rc_context(STYLE):
        size = (4.7 * len(values), 4.1)
        figure, axes = plt.subplots(
            1, len(values), figsize=size, squeeze=False, layout="constrained"
        )
        for axis, (title, each) in zip(axes[0], values.items(), strict=True):
            drawn = axis.scatter(*AB_BINS.T, s=38, c=each, marker="s", linewidths=0)
            if each.ndim == 1:
                figure.colorbar(drawn, ax=axis, shrink=0.8)
            axis.set(xlabel=A_AXIS, ylabel=B_AXIS, aspect="equal", title=title)
            axis.set(xlim=(-118, 118), ylim=(-118, 118))
    return figure


def validation_curves(histories: dict[str, History]) -> Figure:
    """Validation MSE(ab) of up to three runs, epoch by epoch, and that of a gray picture."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.4, 3.4), layout="constrained")
        lines = []
        for (name, history), shade, marker in zip(
            histories.items(), (BLUE, ORANGE, GREEN), "os^", strict=False
        ):
            error = [row["val_mse"] for row in history.rows]
            epochs = [row["epoch"] for row in history.rows]
            axis.plot(epochs, error, color=shade, marker=marker, markersize=5)
            lines.append((error[-1], name, shade))
            gray = history.baselines["gray"]
        axis.axhline(gray, color=GRAY, linestyle="--")
        axis.set(xlabel="epoch", ylabel="MSE(ab) on validation")
        axis.xaxis.get_major_locator().set_params(integer=True)
        label_at_right(axis, [*lines, (gray, "gray", INK)])
    return figure


def timeline() -> Figure:
    """Works on colorization by year, a row for each idea."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(10, 3.4), layout="constrained")
        for row, works in enumerate(reversed(WORKS.values())):
            years = list(works.values())
            axis.axhline(row, color=GRAY, linewidth=0.5, zorder=0)
            axis.scatter(years, [row] * len(years), color=BLUE, s=40)
            for above, (name, year) in zip(cycle((6, -14)), works.items(), strict=False):
                offset = {"xytext": (0, above), "textcoords": "offset points"}
                axis.annotate(name, (year, row), ha="center", **offset)
        axis.set(xlim=(2003.5, 2025), xticks=range(2004, 2025, 2))
        axis.set_yticks(range(len(WORKS)), reversed(WORKS))
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
    return figure


def _shade(ab: Tensor, lightness: float = 68.0) -> list[float]:
    """The RGB of a color (2,) at one lightness."""
    lab = ab.new_tensor([lightness, *ab.tolist()])
    return lab_to_rgb(lab[:, None, None]).flatten().tolist()

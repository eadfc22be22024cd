"""What L2 costs, and losses by learning rate, epoch and minute. Lesson 4."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.figures.base import BLUE, GRAY, GREEN, INK, ORANGE, STYLE, label_at_right
from course_utils.recipe import History


def cost_of_answers(answers: Tensor, cost: Tensor, best: float, flowers: Sequence[float]) -> Figure:
    """What each answer costs, with the cheapest one and the flowers' true colors marked.

    Args:
        answers: values of a, CIE units, (N,).
        cost: the mean squared error of each, (N,).
        best: the answer that costs least.
        flowers: the true values of a.
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6, 2.8))
        axis.plot(answers, cost, color=BLUE)
        axis.axvline(best, color=ORANGE, linestyle="--")
        for flower in flowers:
            arrow = {"arrowstyle": "->"}
            axis.annotate("a flower", (flower, 0), (flower, 1500), ha="center", arrowprops=arrow)
        axis.set(
            xlabel="answer for a",
            ylabel="mean squared error",
            ylim=(0, 11000),
            title=f"Cheapest: a = {best:.0f}, a color that no flower has",
        )
    return figure


def range_test(
    rates: Sequence[float], losses: Sequence[float], chosen: float, window: int = 7
) -> Figure:
    """The loss of each batch while the learning rate grows, and its running median.

    Args:
        rates: the learning rate of each batch, (N,).
        losses: its MSE(ab), (N,). What lies above twice the first one is cut off.
        chosen: the rate to mark.
        window: batches that the median is taken over, an odd number.
    """
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(losses, window), axis=-1)
    middle = rates[window // 2 : len(rates) - window // 2]
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7, 3.2))
        axis.plot(rates, losses, color=GRAY, linewidth=0.8, label="each batch")
        axis.plot(middle, smooth, color=BLUE, linewidth=2, label=f"median of {window} batches")
        axis.legend(frameon=False, loc="upper left")
        axis.axvline(chosen, color=ORANGE, linestyle="--")
        place = (0.9 * chosen, 0.05 * 2 * losses[0])
        axis.text(*place, "the rate used below", color=ORANGE, ha="right")
        axis.set(
            xscale="log",
            xlabel="learning rate",
            ylabel="MSE(ab) of the batch",
            ylim=(0, 2 * losses[0]),
        )
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
        label_at_right(axis, lines)
        axis.set(xlabel="epoch", ylabel="MSE(ab)", title="Loss per epoch")
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
            label_at_right(axis, [*lines, (gray, "gray", INK)])
        axes[0].set_ylabel("MSE(ab)")
    return figure

"""Results beside originals, and their errors. Lesson 5."""

from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.data import LabDataset
from course_utils.figures.base import BLUE, GRAY, INK, ORANGE, STYLE, gallery, to_gray
from course_utils.metrics import Model, mse_ab
from course_utils.network import model_device


@torch.inference_mode()
def comparison(model: Model, dataset: LabDataset, most: int = 8) -> Figure:
    """Gray input, result and original of up to `most` pictures, spread over the dataset."""
    picks = torch.linspace(0, len(dataset) - 1, min(most, len(dataset))).round().int().tolist()
    lab = dataset.lab[picks].float()
    device = model_device(model)
    predicted = torch.cat([model(each[None, :1].to(device)).float().cpu() for each in lab])
    captions = [
        f"{Path(dataset.names[i]).stem}\nMSE(ab) {mse_ab(ours, truth[1:]):.0f}"
        for i, ours, truth in zip(picks, predicted, lab, strict=True)
    ]
    results = torch.cat((lab[:, :1], predicted), dim=1)
    return gallery({"gray input": to_gray(lab), "result": results, "original": lab}, captions)


def error_spread(error: Tensor, chroma: Tensor) -> Figure:
    """How many photographs have which error, and how it goes with their colors.

    Args:
        error: MSE(ab) of each photograph, (N,).
        chroma: mean chroma of each original, (N,).
    """
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
        left.hist(error, torch.logspace(0, 3.8, 39).tolist(), color=BLUE)
        for name, value, line, side in (
            ("median", error.median(), "--", "right"),
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
            most,
            0.16 * most**2,
            "gray's error, if\none even color",
            color=INK,
            ha="right",
            va="top",
        )
        right.set(
            xlabel="mean chroma of the original", ylabel="MSE(ab)", yscale="log", ylim=(1.5, None)
        )
    return figure


def chroma_curve(true: Tensor, low: Tensor, middle: Tensor, high: Tensor) -> Figure:
    """The chroma of results against that of the originals, grouped by the latter.

    Args:
        true: center of each group, (N,).
        low, middle, high: quartiles of the results' chroma in each group, (N,).
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(5.4, 4), layout="constrained")
        axis.plot([0, 80], [0, 80], color="black", linewidth=1)
        axis.fill_between(true, low, high, color=ORANGE, alpha=0.25)
        axis.plot(true, middle, color=ORANGE, marker="o")
        axis.text(46, 60, "as vivid as\nthe truth", ha="center")
        axis.text(true[-1], high[-1] + 2, "the network", color=ORANGE, ha="right")
        axis.set(xlabel="true chroma", ylabel="chroma of the result", xlim=(0, 80), ylim=(0, 80))
    return figure

"""The widget of lesson 4, a training that can be watched."""

import io

import ipywidgets
import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure

from course_utils.data import LabDataset
from course_utils.figures import comparison, loss_curve
from course_utils.runs import History


class TrainingMonitor(ipywidgets.VBox):
    """The loss curve and the same few validation pictures, drawn anew after every epoch.

    Show it, then hand it to the training: `fit(config, on_data=monitor.on_data,
    on_epoch=monitor.on_epoch)`.

    Args:
        pictures: how many validation pictures.
    """

    def __init__(self, pictures: int = 4) -> None:
        self.pictures = pictures
        self.val: LabDataset | None = None
        self.curve, self.results = (ipywidgets.Image(format="png") for _ in range(2))
        for image in (self.curve, self.results):
            image.layout.max_width = "100%"
            image.layout.align_self = "flex-start"
        self.text = "The first epoch is not over yet."
        self.words = ipywidgets.HTML(f"<p>{self.text}</p>")
        super().__init__([self.words, self.curve, self.results])

    def on_data(self, train: LabDataset, val: LabDataset) -> None:
        """What is trained and validated on."""
        self.val = val

    def on_epoch(self, history: History) -> None:
        """Draw what the history and the network now say."""
        row, best = history.rows[-1], history.best
        self.text = (
            f"Epoch {row['epoch']} of {history.config.epochs}: validation MSE(ab) "
            f"{row['val_mse']:.1f}, best so far {best['val_mse']:.1f} in epoch {best['epoch']}, "
            f"gray {history.baselines['gray']:.1f}."
        )
        self.words.value = f"<p>{self.text}</p>"
        self.curve.value = _png(loss_curve(history))
        if self.val is not None:
            history.model.eval()
            with torch.inference_mode():
                self.results.value = _png(comparison(history.model, self.val, self.pictures))

    def __repr__(self) -> str:
        """What it shows, for where no widget can be drawn."""
        return self.text


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, dpi=80, facecolor="white")
    plt.close(figure)
    return file.getvalue()

"""The widgets of lesson 4: a training that can be watched, and one that can be rewound."""

import io
from collections.abc import Sequence

import ipywidgets
import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch.nn import functional as F

from course_utils.data import LabDataset
from course_utils.figures import comparison, loss_curve
from course_utils.network import UPSAMPLING
from course_utils.recipe import History
from course_utils.widgets.explorer import Explorer
from course_utils.widgets.pictures import paper, strip, titled, to_image


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


def epoch_scrubber(
    answers: torch.Tensor, photos: LabDataset, val_mse: Sequence[float], height: int = 128
) -> Explorer:
    """The same photographs after each epoch of a training.

    Args:
        answers: ab after each epoch, before the upsampling, (epochs, photos, 2, H/4, W/4).
        photos: the photographs, of H x W; those beyond the last answer are left out.
        val_mse: the error on validation after each epoch.
        height: of a photograph as it is shown, in pixels.
    """

    lab = photos.lab[: answers.shape[1]].float()

    def row(ab: torch.Tensor, title: str) -> Image.Image:
        pictures = map(to_image, torch.cat((lab[:, :1], ab), dim=1))
        size = (height, height)
        return titled(
            strip([each.resize(size, Image.Resampling.BICUBIC) for each in pictures]), title
        )

    gray, originals = row(torch.zeros_like(lab[:, 1:]), "gray input"), row(lab[:, 1:], "original")

    def render(epoch: int) -> tuple[Image.Image, str]:
        ab = F.interpolate(answers[epoch - 1].float(), scale_factor=UPSAMPLING, mode="bilinear")
        rows = (gray, row(ab, f"after epoch {epoch}"), originals)
        picture = paper(gray.width, sum(each.height for each in rows))
        for place, each in enumerate(rows):
            picture.paste(each, (0, place * gray.height))
        chroma, true_chroma = (torch.hypot(*each.unbind(1)).mean() for each in (ab, lab[:, 1:]))
        return picture, (
            f"After epoch {epoch} of {len(answers)}: validation MSE(ab) {val_mse[epoch - 1]:.1f}. "
            f"Mean chroma of these results {chroma:.1f}, of the originals {true_chroma:.1f}."
        )

    epoch = ipywidgets.IntSlider(len(answers), min=1, max=len(answers), description="epoch")
    return Explorer(render, epoch=epoch)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, dpi=80, facecolor="white")
    plt.close(figure)
    return file.getvalue()

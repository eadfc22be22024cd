"""What every figure uses: a style, photographs in rows, and `show`, which displays a figure in a
notebook with a text for those who cannot see it.

Lines and labels use the Okabe-Ito palette, which color-blind readers can tell apart, and
every line carries its name.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from course_utils.color import lab_to_rgb

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


def to_gray(lab: Tensor) -> Tensor:
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
                bare(axis)
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
            bare(axis)
    return figure


def _pixels(picture: Picture) -> np.ndarray:
    return to_pixels(picture) if isinstance(picture, Tensor) else np.asarray(picture)


def label_at_right(axis: plt.Axes, lines: list[tuple[float, str, str]]) -> None:
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


def bare(axis: plt.Axes) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)

"""The widget of lesson 2, data."""

import torch
from PIL import Image, ImageDraw

from course_utils.data import GRAY_CHROMA, LabDataset
from course_utils.photos import mean_chroma
from course_utils.widgets.explorer import Explorer, slider
from course_utils.widgets.pictures import paper, to_image, write


def gray_finder(dataset: LabDataset, columns: int = 10, side: int = 72) -> Explorer:
    """All pictures in the order of their mean chroma; those under a threshold are crossed out."""
    chroma = mean_chroma(dataset.lab[:])
    order = chroma.argsort().tolist()
    small = [
        to_image(dataset.lab[n].float()).resize((side, side), Image.Resampling.BICUBIC)
        for n in order
    ]

    def render(threshold: float) -> tuple[Image.Image, str]:
        rows = -(-len(order) // columns)
        canvas = paper(columns * (side + 6), rows * (side + 26))
        draw = ImageDraw.Draw(canvas)
        for place, (n, picture) in enumerate(zip(order, small, strict=True)):
            x, y = place % columns * (side + 6), place // columns * (side + 26)
            canvas.paste(picture, (x, y))
            out = chroma[n] < threshold
            if out:
                draw.line((x, y, x + side, y + side), fill="white", width=5)
                draw.line((x, y, x + side, y + side), fill="black", width=2)
            write(canvas, (x, y + side + 2), f"{chroma[n]:.1f}{'  out' if out else ''}")
        names = [dataset.names[n] for n in order if chroma[n] < threshold]
        words = f"Mean chroma under {threshold:.1f}: {len(names)} of {len(order)} fall out"
        return canvas, f"{words}: {', '.join(names)}." if names else f"{words}."

    most = float(torch.ceil(chroma.max()))
    return Explorer(render, threshold=slider("threshold", GRAY_CHROMA, 0, most, 0.5))

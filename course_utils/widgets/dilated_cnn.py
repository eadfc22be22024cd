"""The widget of lesson 3, the dilated CNN."""

import ipywidgets
from PIL import Image, ImageDraw

from course_utils.network import LAYERS, architecture_table
from course_utils.photos import sample_photo
from course_utils.widgets.explorer import Explorer
from course_utils.widgets.pictures import strip


def receptive_fields(photo: str = "astronaut", size: int = 448) -> Explorer:
    """Where one unit of a layer looks: its receptive field, and the nine taps of its kernel."""
    rows = {row["layer"]: row for row in architecture_table()}
    kernels = {layer.name: layer.kernel for layer in LAYERS}
    image = sample_photo(photo).resize((size, size))

    def render(layer: str) -> tuple[Image.Image, str]:
        row = rows[layer]
        canvas = image.copy()
        draw = ImageDraw.Draw(canvas)
        half = row["RF"] / 2
        centre = size / 2
        draw.rectangle(
            (centre - half, centre - half, centre + half, centre + half), outline="white", width=3
        )
        # A transposed layer gathers from a 2x2 neighborhood of the coarser grid.
        taps = (-0.5, 0.5) if kernels[layer] == 4 else (-1, 0, 1)
        step = row["De"] * (2 if kernels[layer] == 4 else 1)
        dot = 1.5 if step < 5 else 3
        for dx in taps:
            for dy in taps:
                x, y = centre + dx * step, centre + dy * step
                draw.ellipse((x - dot, y - dot, x + dot, y + dot), fill="#D55E00", outline="white")
        zoom = canvas.crop([round(centre + s * 56) for s in (-1, -1, 1, 1)]).resize((448, 448), 0)
        words = (
            f"{layer}: a kernel with dilation {row['D']} after strides that multiply to "
            f"{row['Sa']} has its taps {step} pixels apart (effective dilation). "
            f"One unit sees {row['RF']} x {row['RF']} pixels (white square). "
            f"Right: the middle, 4 times larger."
        )
        return strip([canvas, zoom]), words

    layers = ipywidgets.SelectionSlider(
        options=list(rows), value="conv4_1", description="layer", continuous_update=False
    )
    return Explorer(render, layer=layers)

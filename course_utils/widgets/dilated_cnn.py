"""The widgets of lesson 3, the dilated CNN."""

from math import floor, prod

import ipywidgets
from PIL import Image, ImageDraw

from course_utils.architecture import architecture_table
from course_utils.photos import sample_photo
from course_utils.widgets.explorer import Explorer, photo_choice
from course_utils.widgets.pictures import GAP, paper, strip
from course_utils.widgets.pointer import Place, PointedExplorer, areas_of

TAP = "#D55E00"
NEAR = 56  # pixels around a unit that are shown enlarged


def kernel_taps(cells: int = 41, side: int = 11) -> Explorer:
    """The taps of a layer's kernel on a grid of input pixels, or of pixels of its own map."""
    rows = {row["layer"]: row for row in architecture_table()}

    def render(layer: str, grid: str) -> tuple[Image.Image, str]:
        row = rows[layer]
        taps, step = _taps(row)
        if grid == "its own map":
            step = row["D"]
        picture = paper(cells * side + 1, cells * side + 1)
        draw = ImageDraw.Draw(picture)
        for n in range(cells + 1):
            draw.line((n * side, 0, n * side, cells * side), fill="#CCCCCC")
            draw.line((0, n * side, cells * side, n * side), fill="#CCCCCC")
        for dx in taps:
            for dy in taps:
                x, y = (floor(cells // 2 + d * step + 0.5) * side for d in (dx, dy))
                draw.rectangle((x, y, x + side, y + side), fill=TAP, outline="black")
        words = f"{layer}, on a grid of {grid}: {len(taps) ** 2} taps, "
        words += f"{step} apart. " if step > 1 else "side by side. "
        words += _why(row)
        return picture, words

    grids = ipywidgets.Dropdown(options=("input pixels", "its own map"), description="grid of")
    return Explorer(render, layer=_layers(rows, "conv5_1"), grid=grids)


def receptive_fields(photo: str = "astronaut", size: int = 448) -> PointedExplorer:
    """Where one unit of a layer looks: its receptive field and the taps of its kernel."""
    rows = {row["layer"]: row for row in architecture_table()}

    def render(layer: str, photo: str, place: tuple[float, float]) -> tuple[Image.Image, str]:
        row = rows[layer]
        canvas = sample_photo(photo).resize((size, size))
        draw = ImageDraw.Draw(canvas)
        half, (left, top) = row["RF"] / 2, (share * size for share in place)
        draw.rectangle((left - half, top - half, left + half, top + half), outline="white", width=3)
        taps, step = _taps(row)
        dot = 1.5 if step < 5 else 3
        for dx in taps:
            for dy in taps:
                x, y = left + dx * step, top + dy * step
                draw.ellipse((x - dot, y - dot, x + dot, y + dot), fill=TAP, outline="white")
        zoom = canvas.crop(
            (round(left) - NEAR, round(top) - NEAR, round(left) + NEAR, round(top) + NEAR)
        ).resize((size, size), 0)
        inside = prod(min(at + half, size) - max(at - half, 0) for at in (left, top))
        out = 1 - inside / row["RF"] ** 2
        words = (
            f"{layer}: taps {step} pixels apart. {_why(row)} "
            f"One unit sees {row['RF']} x {row['RF']} pixels (white square), "
            f"{inside / size**2:.0%} of the photo {photo}. "
            + (f"{out:.0%} of the square lie outside, where it sees zeros. " if out > 0 else "")
            + "Right: its middle, 4 times larger."
        )
        return strip([canvas, zoom]), words

    place = Place(areas=areas_of([(0, 0, size, size)], (2 * size + GAP, size)))
    layers, photos = _layers(rows, "conv4_1"), photo_choice("photo", photo)
    return PointedExplorer(render, place, layer=layers, photo=photos)


def _taps(row: dict) -> tuple[tuple[float, ...], int]:
    """Where the taps of a kernel lie along one side, in steps, and a step in input pixels."""
    if row["S"] < 1:  # a transposed layer gathers from 2 x 2 of the coarser map before it
        return (-0.5, 0.5), 2 * row["De"]
    return (-1, 0, 1), row["De"]


def _why(row: dict) -> str:
    if row["S"] < 1:
        return (
            f"Transposed: an output reads 2 x 2 of the map before it, whose pixels are "
            f"{2 * row['Sa']} apart. The table counts its effective dilation, {row['De']}, on the "
            "finer map that it makes."
        )
    return (
        f"Dilation {row['D']} after strides that multiply to {row['Sa']}: effective dilation "
        f"{row['De']}."
    )


def _layers(rows: dict[str, dict], value: str) -> ipywidgets.SelectionSlider:
    return ipywidgets.SelectionSlider(
        options=list(rows), value=value, description="layer", continuous_update=False
    )

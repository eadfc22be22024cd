"""Interactive figures: sliders beside a picture and its description in words.

Each is an `Explorer`: controls, and one pure function from their values to a picture and a
sentence. The picture travels as PNG bytes, so nothing flickers, and the same code runs under
ipywidgets 7 (Colab) and 8.
"""

import io
from collections.abc import Callable, Sequence
from html import escape

import ipywidgets
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from course_utils.color import in_gamut, lab_to_uint8
from course_utils.data import SAMPLES, LabDataset, photo_to_lab, sample_photo
from course_utils.figures import gamut, gray_of
from course_utils.metrics import Model, device_of, mse_ab
from course_utils.network import LAYERS, architecture_table

HUES = (  # the Lab hue, in degrees, at which each name ends
    (20, "pink"),
    (50, "red"),
    (75, "orange"),
    (105, "yellow"),
    (125, "yellow-green"),
    (165, "green"),
    (220, "blue-green"),
    (308, "blue"),
    (318, "violet"),
    (345, "magenta"),
    (361, "pink"),
)

Render = Callable[..., tuple[Image.Image, str]]


class Explorer(ipywidgets.VBox):
    """Controls above a picture, with words under it.

    Args:
        render: called with the controls' values by name; returns a picture and a sentence.
        controls: name -> an ipywidgets control.
    """

    def __init__(self, render: Render, **controls: ipywidgets.ValueWidget) -> None:
        self.render, self.controls = render, controls
        self.picture = ipywidgets.Image(format="png")
        self.picture.layout.max_width = "100%"
        self.picture.layout.align_self = "flex-start"
        self.words = ipywidgets.HTML()
        for control in controls.values():
            control.style.description_width = "8em"
            control.observe(self._update, names="value")
        self._update()
        super().__init__([*controls.values(), self.picture, self.words])

    def set(self, **values: object) -> None:
        """Move controls from code, as a hand would."""
        for name, value in values.items():
            self.controls[name].value = value

    def _update(self, _: object = None) -> None:
        values = {name: control.value for name, control in self.controls.items()}
        picture, self.text = self.render(**values)
        self.picture.value = png(picture)
        self.words.value = f"<p>{escape(self.text)}</p>"


def png(picture: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    file = io.BytesIO()
    picture.save(file, "png", compress_level=1)
    return file.getvalue()


def slider(
    name: str, value: float, low: float, high: float, step: float = 1
) -> ipywidgets.FloatSlider:
    """A slider that answers when it is let go, not at every pixel of the way."""
    return ipywidgets.FloatSlider(
        value,
        min=low,
        max=high,
        step=step,
        description=name,
        continuous_update=False,
        readout_format=".0f" if step == 1 else ".1f",
    )


def ab_plane() -> Explorer:
    """Every color that a screen can show at one L, and one of them picked by a and b."""

    def render(L: float, a: float, b: float) -> tuple[Image.Image, str]:
        pixels, shown = gamut(L)
        pixels[~shown] = 0.92
        plane = Image.fromarray((pixels * 255).round().astype(np.uint8)).resize((442, 442))
        canvas = _paper(640, 500)
        canvas.paste(plane, (60, 20))
        draw = ImageDraw.Draw(canvas)
        x, y = 60 + 2 * (a + 110.5), 20 + 2 * (110.5 - b)
        draw.line((60, 241, 502, 241), fill="#777777")
        draw.line((281, 20, 281, 462), fill="#777777")
        draw.ellipse((x - 7, y - 7, x + 7, y + 7), outline="black", width=3)
        draw.ellipse((x - 9, y - 9, x + 9, y + 9), outline="white", width=2)
        lab = torch.tensor([L, a, b]).reshape(3, 1, 1)
        color = tuple(lab_to_uint8(lab).flatten().tolist())
        draw.rectangle((525, 20, 620, 115), fill=color, outline="black")
        _write(draw, (525, 120), f"#{color[0]:02x}{color[1]:02x}{color[2]:02x}")
        _write(draw, (150, 470), "a: green (-110) to red (+110)")
        _write(draw, (4, 20), "b +110")
        _write(draw, (4, 40), "yellow")
        _write(draw, (4, 424), "blue")
        _write(draw, (4, 444), "b -110")
        inside = bool(in_gamut(lab).item())
        hue = f"{_name(a, b)}, chroma {np.hypot(a, b):.0f}"
        verdict = (
            f"R {color[0]}, G {color[1]}, B {color[2]}."
            if inside
            else "Outside of what a screen can show; the patch is the clipped color."
        )
        share = 100 * shown.mean()
        words = f"L {L:.0f}, a {a:.0f}, b {b:.0f}: {hue}. {verdict} "
        return canvas, words + f"At this L the screen shows {share:.0f} % of the square."

    return Explorer(
        render,
        L=slider("L (lightness)", 60, 0, 100),
        a=slider("a (green-red)", 40, -110, 110),
        b=slider("b (blue-yellow)", 30, -110, 110),
    )


def photo_channels(names: Sequence[str] = tuple(SAMPLES), height: int = 200) -> Explorer:
    """A photo taken apart: scale L, a and b, and see what is left of it."""
    photos: dict[str, torch.Tensor] = {}

    def render(
        photo: str,
        L: float,
        a: float,
        b: float,
    ) -> tuple[Image.Image, str]:
        if photo not in photos:
            image = sample_photo(photo)
            photos[photo] = photo_to_lab(
                image, (round(image.width * height / image.height), height)
            )
        lab = photos[photo]
        scaled = torch.stack(((50 + (lab[0] - 50) * L).clamp(0, 100), lab[1] * a, lab[2] * b))
        only = [
            torch.stack((torch.full_like(lab[0], 65), *planes))
            for planes in (
                (scaled[1], torch.zeros_like(lab[0])),
                (torch.zeros_like(lab[0]), scaled[2]),
            )
        ]
        pictures = {
            "the result": scaled,
            "L alone": gray_of(scaled),
            "a alone": only[0],
            "b alone": only[1],
        }
        effects = [
            "no L contrast: shapes are hard to see" if L == 0 else f"L contrast x {L:g}",
            "no red or green" if a == 0 else "red and green swapped" if a < 0 else f"a x {a:g}",
            "no yellow or blue" if b == 0 else "yellow and blue swapped" if b < 0 else f"b x {b:g}",
        ]
        if a == 0 and b == 0:
            effects[1:] = ["a = b = 0: the black-and-white photo"]
        chroma = torch.hypot(scaled[1], scaled[2]).mean().item()
        return side_by_side(pictures), f"{'; '.join(effects)}. Mean chroma {chroma:.1f}."

    return Explorer(
        render,
        photo=ipywidgets.Dropdown(options=names, value=names[0], description="photo"),
        L=slider("L contrast", 1, 0, 1.5, 0.1),
        a=slider("a times", 1, -1.5, 1.5, 0.1),
        b=slider("b times", 1, -1.5, 1.5, 0.1),
    )


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
        return _strip([canvas, zoom]), words

    layers = ipywidgets.SelectionSlider(
        options=list(rows), value="conv4_1", description="layer", continuous_update=False
    )
    return Explorer(render, layer=layers)


def results_browser(model: Model, dataset: LabDataset, height: int = 192) -> Explorer:
    """Walk through a dataset: gray input, result, original; and turn the color up or down."""
    if isinstance(model, torch.nn.Module):
        model.eval()
    device = device_of(model)

    def render(picture: int, strength: float) -> tuple[Image.Image, str]:
        lightness, truth = dataset[int(picture)]
        with torch.inference_mode():
            answer = model(lightness[None].to(device))[0].float().cpu()
        predicted = answer * strength
        lab = torch.cat((lightness, truth))
        result = torch.cat((lightness, predicted))
        pictures = {"gray input": gray_of(lab), "result": result, "original": lab}
        error = mse_ab(predicted[None], truth[None])
        gray = mse_ab(torch.zeros_like(truth)[None], truth[None])
        chroma, true_chroma = (torch.hypot(*ab).mean().item() for ab in (predicted, truth))
        words = (
            f"{dataset.names[int(picture)]}: MSE(ab) {error:.0f} (leaving it gray: {gray:.0f}). "
            f"Mean chroma of the result {chroma:.1f}, of the original {true_chroma:.1f}."
        )
        return side_by_side(pictures, height), words

    return Explorer(
        render,
        picture=ipywidgets.IntSlider(
            0, min=0, max=len(dataset) - 1, description="picture", continuous_update=False
        ),
        strength=slider("color times", 1, 0, 2, 0.1),
    )


def side_by_side(pictures: dict[str, torch.Tensor], height: int | None = None) -> Image.Image:
    """Lab pictures (3, H, W) in a row, each under its name."""
    images = []
    for name, lab in pictures.items():
        image = Image.fromarray(lab_to_uint8(lab).permute(1, 2, 0).numpy())
        if height is not None:
            width = round(image.width * height / image.height)
            image = image.resize((width, height), Image.Resampling.BICUBIC)
        titled = _paper(image.width, image.height + 22)
        titled.paste(image, (0, 22))
        _write(ImageDraw.Draw(titled), (0, 2), name)
        images.append(titled)
    return _strip(images)


def _strip(images: list[Image.Image], gap: int = 8) -> Image.Image:
    width = sum(image.width for image in images) + gap * (len(images) - 1)
    strip = _paper(width, max(image.height for image in images))
    x = 0
    for image in images:
        strip.paste(image, (x, 0))
        x += image.width + gap
    return strip


def _paper(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), "white")


def _write(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str) -> None:
    draw.text(at, text, fill="black", font=ImageFont.load_default(14))


def _name(a: float, b: float) -> str:
    """A hue in words."""
    if np.hypot(a, b) < 5:
        return "gray"
    hue = np.degrees(np.arctan2(b, a)) % 360
    return next(name for end, name in HUES if hue < end)

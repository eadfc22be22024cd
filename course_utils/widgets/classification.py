"""The widget of lesson 6, color as classification."""

from functools import lru_cache
from math import log

import matplotlib
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from course_utils.bins import AB_BINS, annealed_mean
from course_utils.color import lab_to_rgb
from course_utils.network import ColorizationNet, model_device
from course_utils.upsampling import guided_upsampling, joint_bilateral
from course_utils.widgets.explorer import photo_choice, slider
from course_utils.widgets.pictures import (
    GAP,
    TITLE,
    paper,
    photo_lab,
    strip,
    titled,
    to_image,
    write,
)
from course_utils.widgets.pointer import Place, PointedExplorer, areas_of

SIDE = 288  # of each panel, in pixels; the network sees a smaller copy of the photo
SURE, UNSURE = 3.0, 7.0  # bits of entropy that are drawn dark and yellow
DOT = 9  # pixels a bin takes on the plane, at most


def temperature_explorer(model: ColorizationNet, photo: str = "rocket") -> PointedExplorer:
    """A photo recolored at any temperature, a map of the network's uncertainty, and the probability
    of every bin at one pixel. As in `colorize`, the network sees a copy at its training size, and
    L keeps its full resolution."""
    device = model_device(model)

    @lru_cache
    def scored(name: str) -> tuple[Tensor, Tensor, Tensor, Image.Image]:
        """L (1, SIDE, SIDE), the L that the network sees (1, h, w), its log-probabilities
        (313, h/4, w/4), and a picture of their entropy."""
        lightness = photo_lab(name, SIDE, square=True)[:1]
        seen = photo_lab(name, model.size, square=True)[:1]
        with torch.inference_mode():
            logits = model.eval().logits(seen[None].to(device)).float().cpu()[0]
        logs = logits.log_softmax(dim=0)
        unsure = entropy(logs) / log(2)
        span = ((unsure - SURE) / (UNSURE - SURE)).clamp(0, 1)
        pixels = (255 * matplotlib.colormaps["viridis"](span.numpy())[..., :3]).astype("uint8")
        return lightness, seen, logs, Image.fromarray(pixels).resize((SIDE, SIDE), 0)

    def render(
        photo: str, temperature: float, place: tuple[float, float]
    ) -> tuple[Image.Image, str]:
        x, y = place
        lightness, seen, logs, unsure = scored(photo)
        ab = annealed_mean(logs[None], temperature)
        sharp_ab = joint_bilateral(ab, seen[None])  # both steps as in `colorize`
        large = guided_upsampling(sharp_ab, seen[None], lightness[None])[0]
        rows, columns = logs.shape[-2:]
        row, column = (min(int(y * rows), rows - 1), min(int(x * columns), columns - 1))
        cross = (x * (SIDE - 1), y * (SIDE - 1))
        at_pixel = logs[:, row, column]
        sharp = (at_pixel / temperature).log_softmax(dim=0)
        level = lightness[0, int(cross[1]), int(cross[0])].item()
        a, b = ab[0, :, row, column].tolist()
        recolored = to_image(torch.cat((lightness, large)))
        panels = {
            f"recolored, T = {temperature:.2f}": recolored,
            f"unsure: dark {SURE:.0f} bits, yellow {UNSURE:.0f} bits": unsure.copy(),
        }
        for panel in panels.values():
            _mark(panel, cross)
        panels[f"bins at the cross, T = {temperature:.2f}"] = _plane(sharp.exp(), level, (a, b))
        most = AB_BINS[at_pixel.argmax()].tolist()
        words = (
            f"{photo}, T = {temperature:.2f}. At {100 * x:.0f} % from the left and "
            f"{100 * y:.0f} % from the top: likeliest bin a {most[0]:.0f}, b {most[1]:.0f} "
            f"(probability {at_pixel.max().exp():.0%} at T = 1), entropy "
            f"{entropy(at_pixel) / log(2):.1f} of at most {log(len(AB_BINS), 2):.1f} bits. "
            f"The color taken: a {a:.0f}, b {b:.0f}, chroma {(a * a + b * b) ** 0.5:.0f}."
        )
        return strip([titled(panel, name) for name, panel in panels.items()]), words

    heat = slider("temperature", 0.38, 0.02, 1, 0.02)
    heat.continuous_update, heat.readout_format = True, ".2f"
    panels = [(n * (SIDE + GAP), TITLE, SIDE, SIDE) for n in range(2)]  # the third is no photo
    areas = areas_of(panels, (3 * SIDE + 2 * GAP, TITLE + SIDE))
    return PointedExplorer(
        render,
        Place(0.25, 0.25, areas),
        photo=photo_choice("photo", photo),
        temperature=heat,
    )


def entropy(logs: Tensor) -> Tensor:
    """How unsure a distribution is, from log-probabilities (313, ...), in nats."""
    return -(logs.exp() * logs).sum(dim=0)


def _plane(chance: Tensor, level: float, answer: tuple[float, float]) -> Image.Image:
    """The bins on the ab plane, a dot each, as large as its probability and in its color."""
    canvas = paper(SIDE, SIDE)
    draw = ImageDraw.Draw(canvas)
    planes = torch.stack((torch.full((313,), max(level, 35.0)), *AB_BINS.T))[..., None]
    colors = (255 * lab_to_rgb(planes)[..., 0].T).round().int().tolist()
    most = chance.max().item()
    for (a, b), p, color in zip(AB_BINS.tolist(), chance.tolist(), colors, strict=True):
        x, y = _on_plane(a, b)
        radius = 1 + (DOT - 1) * (p / most) ** 0.5
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), tuple(color), "#888888")
    _mark(canvas, _on_plane(*answer))
    write(canvas, (SIDE - 2, SIDE / 2 + 4), "red", "ra")
    write(canvas, (2, SIDE / 2 + 4), "green")
    write(canvas, (SIDE / 2 + 6, 0), "yellow")
    write(canvas, (SIDE / 2 + 6, SIDE - 16), "blue")
    return canvas


def _on_plane(a: float, b: float) -> tuple[float, float]:
    return SIDE / 2 + a * SIDE / 240, SIDE / 2 - b * SIDE / 240


def _mark(image: Image.Image, place: tuple[float, float]) -> None:
    """A cross that shows on any color."""
    draw, (x, y) = ImageDraw.Draw(image), place
    for width, shade in ((4, "white"), (2, "black")):
        draw.line((x - 7, y, x + 7, y), fill=shade, width=width)
        draw.line((x, y - 7, x, y + 7), fill=shade, width=width)

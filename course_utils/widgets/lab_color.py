"""The widgets of lesson 1 that show Lab color."""

import numpy as np
import torch
from PIL import Image, ImageDraw

from course_utils.color import gamut, in_gamut, lab_to_rgb, lab_to_uint8
from course_utils.widgets.explorer import Explorer, path_text, photo_choice, slider
from course_utils.widgets.pictures import (
    flat,
    paper,
    photo_lab,
    side_by_side,
    strip,
    titled,
    to_image,
    write,
)

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
BAR = 36  # height of a color bar and its numbers


def ab_plane() -> Explorer:
    """Every color that a screen can show at one L, and one of them picked by a and b."""

    def render(L: float, a: float, b: float) -> tuple[Image.Image, str]:
        lab, shown = gamut(L)
        pixels = lab_to_uint8(lab)
        pixels[:, ~shown] = 235
        plane = Image.fromarray(pixels.permute(1, 2, 0).numpy()).resize((442, 442))
        canvas = paper(640, 510)
        left, top = 50, 24
        canvas.paste(plane, (left, top))
        draw = ImageDraw.Draw(canvas)
        for tick in range(-100, 101, 50):
            along, down = left + 2 * (tick + 110) + 1, top + 2 * (110 - tick) + 1
            draw.line((along, top + 442, along, top + 448), fill="#333333")
            draw.line((left - 6, down, left, down), fill="#333333")
            write(canvas, (along, top + 450), str(tick).replace("-", "−"), "ma")
            write(canvas, (left - 9, down), str(tick).replace("-", "−"), "rm")
        draw.line((left, top + 221, left + 441, top + 221), fill="#777777")
        draw.line((left + 221, top, left + 221, top + 441), fill="#777777")
        write(canvas, (left, 3), "b: blue (−) to yellow (+)")
        write(canvas, (left + 221, 490), "a: green (−) to red (+)", "ma")
        x, y = left + 2 * (a + 110) + 1, top + 2 * (110 - b) + 1
        draw.ellipse((x - 7, y - 7, x + 7, y + 7), outline="black", width=3)
        draw.ellipse((x - 9, y - 9, x + 9, y + 9), outline="white", width=2)
        picked = torch.tensor([L, a, b]).reshape(3, 1, 1)
        red, green, blue = lab_to_uint8(picked).flatten().tolist()
        hexadecimal = f"#{red:02x}{green:02x}{blue:02x}"
        draw.rectangle((520, top, 620, top + 100), fill=hexadecimal, outline="black")
        for line, text in enumerate((hexadecimal, f"R {red}", f"G {green}", f"B {blue}")):
            write(canvas, (520, top + 108 + 20 * line), text)
        rgb = f"R {red}, G {green}, B {blue} ({hexadecimal})"
        if in_gamut(picked):
            verdict = f"{rgb}."
        else:
            verdict = f"Outside what a screen can show; clipped, it becomes {rgb}."
        share = 100 * shown.float().mean()
        words = f"L {L:.0f}, a {a:.0f}, b {b:.0f}: {hue_name(a, b)}, chroma {np.hypot(a, b):.0f}. "
        return canvas, f"{words}{verdict} At this L a screen shows {share:.0f} % of the square."

    return Explorer(
        render,
        L=slider("L (lightness)", 60, 0, 100),
        a=slider("a (green-red)", 40, -110, 110),
        b=slider("b (blue-yellow)", 30, -110, 110),
    )


def photo_channels(height: int = 200) -> Explorer:
    """A photo taken apart: scale and shift L, a and b, and see what is left of it."""

    def render(photo: str, path: str, **values: float) -> tuple[Image.Image, str]:
        try:
            lab, trouble = photo_lab(path or photo, height), ""
        except ValueError as error:
            lab, trouble = photo_lab(photo, height), f"{error}. Here is {photo} instead. "
        times, plus = ([values[name + what] for name in "Lab"] for what in ("_times", "_plus"))
        moved = torch.stack(
            (
                ((lab[0] - 50) * times[0] + 50 + plus[0]).clamp(0, 100),
                lab[1] * times[1] + plus[1],
                lab[2] * times[2] + plus[2],
            )
        )
        pictures = [titled(to_image(moved), "the photo that results", below=BAR)]
        pictures += [_channel(moved, channel) for channel in range(3)]
        changes = [
            f"{name}{f' × {by:g}' if by != 1 else ''}{f' {add:+g}' if add else ''}"
            for name, by, add in zip("Lab", times, plus, strict=True)
            if by != 1 or add
        ]
        effects = [
            *(["no lightness contrast: shapes are hard to see"] if times[0] == 0 else []),
            *(["a = b = 0: the black-and-white photo"] if not moved[1:].any() else []),
            *(["green and red swapped"] if times[1] < 0 else []),
            *(["blue and yellow swapped"] if times[2] < 0 else []),
        ]
        chroma = torch.hypot(moved[1], moved[2]).mean()
        # Rounding to 8 bits and resizing put some colors a hair outside.
        clipped = 100 * (~in_gamut(moved, tolerance=2e-3)).float().mean()
        a, b = (channel.mean() for channel in moved[1:])
        told = "; ".join([", ".join(changes) or "Nothing changed", *effects])
        return strip(pictures), (
            f"{trouble}{told}. "
            f"Means: L {moved[0].mean():.0f}, a {a:.1f}, b {b:.1f}, chroma {chroma:.1f}. "
            f"{clipped:.0f} % of the pixels are colors that a screen cannot show."
        )

    photo = photo_choice("photo")
    path = path_text()
    photo.observe(lambda _: setattr(path, "value", ""), names="value")  # the last choice counts
    return Explorer(
        render,
        photo=photo,
        path=path,
        L_times=slider("L contrast ×", 1, 0, 2, 0.1),
        L_plus=slider("L plus", 0, -50, 50),
        a_times=slider("a times", 1, -2, 2, 0.1),
        a_plus=slider("a plus", 0, -50, 50),
        b_times=slider("b times", 1, -2, 2, 0.1),
        b_plus=slider("b plus", 0, -50, 50),
    )


def two_photos(size: int = 200) -> Explorer:
    """L from one photo and ab from another: the edges come with L."""

    def render(lightness: str, color: str) -> tuple[Image.Image, str]:
        first, second = (photo_lab(name, size, square=True) for name in (lightness, color))
        mixed = torch.cat((first[:1], second[1:]))
        pictures = {
            f"L from: {lightness}": first,
            f"a and b from: {color}": second,
            "L and ab together": mixed,
            "ab alone, at one L": flat(second),
        }
        edges = _edges(mixed)
        agrees = [np.corrcoef(edges, _edges(photo))[0, 1] for photo in (first, second)]
        return side_by_side(pictures), (
            f"The shapes of {lightness} in the colors of {color}. Edges of the result, measured "
            f"in RGB, correlate {agrees[0]:.2f} with those of {lightness} (its L) and "
            f"{agrees[1]:.2f} with those of {color} (its a and b)."
        )

    return Explorer(
        render, lightness=photo_choice("L from", "cat"), color=photo_choice("ab from", "coffee")
    )


def hue_name(a: float, b: float) -> str:
    """A hue in words."""
    if np.hypot(a, b) < 5:
        return "gray"
    hue = np.degrees(np.arctan2(b, a)) % 360
    return next(name for end, name in HUES if hue < end)


def _channel(lab: torch.Tensor, channel: int) -> Image.Image:
    """One channel of a photo as a picture, above the color bar that says what it means."""
    none = torch.zeros(3, *lab.shape[1:])
    low, high, title = (
        (0, 100, "L: dark to light"),
        (-80, 80, "a: green to red"),
        (-80, 80, "b: blue to yellow"),
    )[channel]
    if channel:
        none[0] = 65
    none[channel] = lab[channel]
    picture = titled(to_image(none), title, below=BAR)
    ramp = torch.zeros(3, 12, lab.shape[-1])
    ramp[0] = 65
    ramp[channel] = torch.linspace(low, high, lab.shape[-1])
    bottom = picture.height - BAR + 6
    picture.paste(to_image(ramp), (0, bottom))
    for share, anchor in ((0, "la"), (0.5, "ma"), (1, "ra")):
        number = f"{low + share * (high - low):.0f}".replace("-", "−")
        write(picture, (share * (lab.shape[-1] - 1), bottom + 14), number, anchor)
    return picture


def _edges(lab: torch.Tensor) -> np.ndarray:
    """How fast the RGB of a photo changes from pixel to pixel, flat."""
    rgb = lab_to_rgb(lab)
    down = rgb[:, 1:, :-1] - rgb[:, :-1, :-1]
    across = rgb[:, :-1, 1:] - rgb[:, :-1, :-1]
    return (down.square() + across.square()).sum(dim=0).sqrt().flatten().numpy()

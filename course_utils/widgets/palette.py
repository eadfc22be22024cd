"""The colors that one can choose for a place: those that a screen can show at its L."""

from collections.abc import Callable
from math import atan2, degrees, dist, hypot, inf, radians
from pathlib import Path

import anywidget
import torch
import traitlets
from torch import Tensor

from course_utils.bins import AB_BINS
from course_utils.color import fit_gamut, in_gamut, lab_to_uint8
from course_utils.plumbing.hint_files import as_hex

LIKELIEST, APART = 5, 20.0  # how many, and their least distance in ab: bins side by side look alike
HUES, START = 12, 30.0  # around the ab plane, from red on, in degrees
SHARES = {"vivid": 1.0, "medium": 2 / 3, "pale": 1 / 3}  # of the most chroma of a hue at this L
BEYOND = 150.0  # chroma that no screen shows
GRAY = 5.0  # a color of less chroma is called gray
NAMES = (  # the Lab hue, in degrees, at which each name ends; as in live.js
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

Ab = tuple[float, float]


class Palette(anywidget.AnyWidget):
    """Rows of colors; `on_choice` is called with the one that is chosen, "#rrggbb", or with None
    for Escape."""

    _esm = Path(__file__).with_name("palette.js")
    title = traitlets.Unicode().tag(sync=True)
    rows = traitlets.List().tag(sync=True)

    def __init__(self, on_choice: Callable[[str | None], None]) -> None:
        super().__init__()
        self.on_msg(lambda _, content, __=None: on_choice(content["color"]))

    def show(self, title: str, level: float = 0.0, colors: dict[str, list[Ab]] | None = None):
        """Rows of colors at an L, each under its name; none where there are no colors."""
        self.rows = [
            {"name": name, "colors": [_entry(name, level, ab) for ab in row]}
            for name, row in (colors or {}).items()
            if row
        ]
        self.title = title

    def focus(self) -> None:
        """Move the keyboard to the first color."""
        self.send({})


def colors_for(logs: Tensor, level: float) -> dict[str, list[Ab]]:
    """The colors to offer for a place, name of a row -> (a, b) of each: the likeliest ones, from
    the network's log-probabilities (313,), then hues around the ab plane, then gray."""
    angle = torch.arange(HUES) * radians(360 / HUES) + radians(START)
    far = torch.stack((torch.full_like(angle, level), BEYOND * angle.cos(), BEYOND * angle.sin()))
    edge = fit_gamut(far[..., None])[1:, :, 0].T  # (HUES, 2)
    rows = {name: [tuple(ab) for ab in (share * edge).tolist()] for name, share in SHARES.items()}
    return {"likeliest": likeliest(logs, level)} | rows | {"gray": [(0.0, 0.0)]}


def likeliest(logs: Tensor, level: float) -> list[Ab]:
    """Up to `LIKELIEST` bins, the likeliest first, that a screen can show at this L."""
    lab = torch.cat((torch.full((313, 1), level), AB_BINS), dim=1)
    order = logs.masked_fill(~in_gamut(lab.T[..., None])[:, 0], -inf).sort(descending=True)
    found: list[Ab] = []
    for value, number in zip(order.values.tolist(), order.indices.tolist(), strict=True):
        ab = tuple(AB_BINS[number].tolist())
        if value == -inf or len(found) == LIKELIEST:
            break
        if all(dist(ab, other) >= APART for other in found):
            found.append(ab)
    return found


def color_of(level: float, ab: Ab) -> str:
    """A color as "#rrggbb"; what a screen cannot show is made paler."""
    lab = torch.tensor([level, *ab]).reshape(3, 1, 1)
    return as_hex(lab_to_uint8(lab, fit=True).flatten().tolist())


def words_of(ab: Ab) -> str:
    """A color in words."""
    hue = degrees(atan2(ab[1], ab[0])) % 360
    name = "gray" if hypot(*ab) < GRAY else next(name for end, name in NAMES if hue < end)
    return f"{name}, chroma {hypot(*ab):.0f}"


def _entry(row: str, level: float, ab: Ab) -> dict[str, str]:
    color = color_of(level, ab)
    return {"color": color, "label": f"{row}: {words_of(ab)}, {color}"}

"""The widgets of lesson 1 that show Lab color.

Their pictures are computed in the browser, by lab_color.js, and follow the hand. Python has the
values that one moves, and sends the photographs.
"""

import io
import re
from functools import cache
from pathlib import Path

import anywidget
from PIL import ImageOps
from traitlets import Dict, Enum, Float, HasTraits, List, TraitError, Unicode, observe

from course_utils.photos import SAMPLES, sample_photo

HERE = Path(__file__).parent
SCRIPTS = [HERE / name for name in ("lab.js", "live.js", "lab_color.js")]
STYLE = HERE / "lab_color.css"
SIDE = 512  # pixels of the photographs that are sent to the browser
ROLES = ("photo", "lightness", "color")  # the traits that name a photo


def module() -> str:
    """The scripts as one: a notebook loads it from memory, where no other file stands beside it."""
    text = "".join(file.read_text("utf-8") for file in SCRIPTS)
    return re.sub(r'^import [^;]+ from "\./\w+\.js";\n', "", text, flags=re.MULTILINE)


@cache
def square_jpeg(name: str) -> bytes:
    """The middle square of a bundled photo, `SIDE` pixels wide."""
    file = io.BytesIO()
    square = ImageOps.fit(sample_photo(name), (SIDE, SIDE))
    square.save(file, "jpeg", quality=92, subsampling=0)  # with all of its color numbers
    return file.getvalue()


class Number(Float):
    """A number within its ends, which NaN is not."""

    def validate(self, widget: HasTraits, value: object) -> float:
        number = super().validate(widget, value)
        if number != number:
            raise TraitError(f"{self.name}: expected a number, got {value}")
        return number


class LabWidget(anywidget.AnyWidget):
    """What the widgets have in common."""

    _esm = module()
    _css = STYLE.read_text("utf-8")
    view = Unicode().tag(sync=True)
    samples = List(list(SAMPLES)).tag(sync=True)
    # The JPEG of each photo, by the trait with its name. The browser adds a photo of one's own.
    files = Dict().tag(sync=True)

    def __init__(self, **values: object) -> None:
        super().__init__(view=type(self).__name__, **values)
        self._send_photos()

    @observe(*ROLES)
    def _send_photos(self, _: object = None) -> None:
        names = {role: getattr(self, role) for role in ROLES if self.has_trait(role)}
        known = {role: square_jpeg(name) for role, name in names.items() if name in SAMPLES}
        self.files = {**self.files, **known}

    def __repr__(self) -> str:
        """The values, for where no widget can be drawn; ipywidgets shows 110 letters of it."""
        values = without_python(self.get_state()).items()
        told = (
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in values
            if name not in ("view", "samples") and value not in ({}, [])
        )
        return f"{self.view}: {', '.join(told)}"


def without_python(state: dict) -> dict:
    """The part of a widget's state that a web page without Python needs; such a page brings its
    own photographs."""
    others = {*anywidget.AnyWidget.class_trait_names(), "_esm", "_css", "_anywidget_id", "files"}
    return {name: value for name, value in state.items() if name not in others}


def number(value: float, low: float, high: float) -> Number:
    return Number(value, min=low, max=high).tag(sync=True)


class AbPlane(LabWidget):
    """Every color that a screen can show at one L, and one of them picked by dragging.

    `kept` is the Lab color that was kept for comparison, or empty.
    """

    L = number(60, 0, 100)
    a = number(40, -110, 110)
    b = number(30, -110, 110)
    kept = List().tag(sync=True)

    @property
    def picked(self) -> tuple[float, float, float]:
        """L, a and b."""
        return self.L, self.a, self.b


class PhotoChannels(LabWidget):
    """A photo taken apart: scale and shift L, a and b, and see what is left of it.

    `pixel` is the pixel that was pressed last, as a dict of x, y, L, a, b; `kept` the one before.
    """

    photo = Unicode("astronaut").tag(sync=True)
    L_times, L_plus = number(1, 0, 2), number(0, -50, 50)
    a_times, a_plus = number(1, -2, 2), number(0, -50, 50)
    b_times, b_plus = number(1, -2, 2), number(0, -50, 50)
    pixel, kept = Dict().tag(sync=True), Dict().tag(sync=True)


class TwoPhotos(LabWidget):
    """L from one photo and ab from another: the edges come with L. For `pixel` and `kept` see
    `PhotoChannels`."""

    lightness = Unicode("cat").tag(sync=True)
    color = Unicode("coffee").tag(sync=True)
    pixel, kept = Dict().tag(sync=True), Dict().tag(sync=True)


class ColorResolution(LabWidget):
    """Lower the resolution of a and b but not of L, and guess which picture is the original.

    `rounds` has a dict for each round of guessing: `original`, "left" or "right", and `answer`,
    which is "" until it is given.
    """

    photo = Unicode("astronaut").tag(sync=True)
    every = Enum((1, 2, 4, 8, 16, 32), 4).tag(sync=True)
    coarse = Enum(("a and b", "L"), "a and b").tag(sync=True)
    drawn = Enum(("blurred", "in blocks"), "blurred").tag(sync=True)
    rounds = List().tag(sync=True)

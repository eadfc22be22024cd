"""A picture that one points at: with a mouse, a finger or the keyboard.

What happens in the browser comes as an event, the number of a point and a place: "drag" while a
point moves, "drop" where it ends, "enter" for a click or Enter on it, "remove" for Delete, "undo"
and "redo" for Control+Z and Control+Shift+Z, and "press" on the picture where there is no point.
Where no point is meant, the number is -1. Places are fractions from the left and from the top.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import anywidget
import traitlets

from course_utils.widgets.explorer import Explorer, Render

WHOLE = ((0.0, 0.0, 1.0, 1.0),)
Point = dict[str, float | str]


class Pointer(anywidget.AnyWidget):
    """A picture and points on it, which Tab reaches and arrow keys move.

    Args:
        on_event: called with (event, number of the point, x, y).
        picture: the bytes of a PNG file.
        label: the picture in words.
        points: a dict each, of "x", "y", its "color" as CSS has it, and its "label" in words.
        areas: the parts of the picture that one can point at, a copy of the same thing each, as
            (left, top, width, height). Points lie in the first one.
        adds: whether a click on the picture is a "press"; otherwise it moves the first point.
    """

    _esm = Path(__file__).with_name("pointer.js")
    picture = traitlets.Bytes().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    points = traitlets.List().tag(sync=True)
    areas = traitlets.List([*WHOLE]).tag(sync=True)
    adds = traitlets.Bool(False).tag(sync=True)

    def __init__(self, on_event: Callable[[str, int, float, float], None], **traits) -> None:
        self.on_event = on_event
        super().__init__(**traits)
        self.on_msg(self._hear)

    def focus(self, point: int) -> None:
        """Move the keyboard to a point; to the picture where there is no such point."""
        self.send({"focus": point})

    def _hear(self, _: object, content: dict, __: object = None) -> None:
        try:
            self.on_event(*(content[key] for key in ("event", "point", "x", "y")))
        finally:
            self.send({})  # the browser may send the next one


def areas_of(
    boxes: Sequence[tuple[float, float, float, float]], size: tuple[float, float]
) -> list[tuple[float, float, float, float]]:
    """Boxes (left, top, width, height) in a picture of this width and height, as its shares."""
    width, height = size
    return [(left / width, top / height, w / width, h / height) for left, top, w, h in boxes]


class Place(Pointer):
    """One point as a control, in place of two sliders: `value` is its x and y."""

    value = traitlets.Tuple(default_value=(0.5, 0.5))

    def __init__(
        self, x: float = 0.5, y: float = 0.5, areas: Sequence[tuple[float, ...]] = WHOLE
    ) -> None:
        super().__init__(self._move, value=(x, y), areas=list(areas))
        self._show()

    @traitlets.validate("value")
    def _inside(self, proposal: dict) -> tuple[float, float]:
        x, y = proposal["value"]
        if x != x or y != y:
            raise traitlets.TraitError(f"place: expected two numbers, got {(x, y)}")
        return min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)

    @traitlets.observe("value")
    def _show(self, _: object = None) -> None:
        x, y = self.value
        label = f"The cross: {x:.0%} from the left, {y:.0%} from the top. Arrow keys move it."
        self.points = [{"x": x, "y": y, "color": "transparent", "label": label}]

    def _move(self, event: str, _: int, x: float, y: float) -> None:
        if event in ("drag", "drop"):
            self.value = (x, y)


class PointedExplorer(Explorer):
    """An Explorer on whose picture one points; `render` gets the place as `place`, (x, y)."""

    def __init__(self, render: Render, place: Place, **controls) -> None:
        super().__init__(render, place=place, **controls)
        traitlets.dlink((self.picture, "value"), (place, "picture"), bytes)
        self.picture.close()  # `place` shows it
        rows, _, words = self.children
        rows.children = [*controls.values()]
        self.children = [rows, place, words]

"""The widget of lesson 7: a photo on which one says the colors of places."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import ipywidgets
import torch
from PIL import Image

from course_utils.colorize import Painter, colorize, load_model
from course_utils.hints import Hint
from course_utils.network import ColorizationNet, model_device
from course_utils.photos import Photo, read_photo
from course_utils.plumbing.files import write_atomic
from course_utils.plumbing.hint_files import MOST_HINTS, as_hex, hints_as_json
from course_utils.plumbing.models import to_network
from course_utils.plumbing.results import NOTE, encode_result
from course_utils.widgets.explorer import png
from course_utils.widgets.palette import Palette, colors_for, words_of
from course_utils.widgets.pointer import Pointer

SHOWN = 400  # pixels of the longer side, so that a new hint shows at once
HELP = "Click on the photo to say the color of a place."

Hints = tuple[Hint, ...]


class Steps:
    """The hints as they are, as they were, and as they were before an undo."""

    def __init__(self, now: Hints) -> None:
        self.past, self.now, self.future = [], now, []

    def go(self, new: Hints) -> None:
        if new != self.now:
            self.past, self.now, self.future = [*self.past, self.now], new, []

    def undo(self) -> None:
        if self.past:
            self.future.append(self.now)
            self.now = self.past.pop()

    def redo(self) -> None:
        if self.future:
            self.past.append(self.now)
            self.now = self.future.pop()


class Brush(ipywidgets.Box):
    """A photo that is colored as one touches it.

    Click to make a hint, which keeps the color that is there; then choose one from the palette. By
    keyboard: Enter on the photo makes a hint in the middle, Tab goes from hint to hint, arrows move
    one, Enter opens the palette, Delete removes it, Control+Z undoes.

    Args:
        photo: a file, what is in one, or a picture.
        model: see `colorize`; the network whose colors the hints correct.
        hints: to start with; by color, not by ab.
    Raises:
        ValueError, TypeError: as `colorize` does.
    """

    def __init__(
        self,
        photo: Photo,
        model: ColorizationNet | str | Path | None = None,
        hints: Sequence[Hint] = (),
    ) -> None:
        self.photo, self.model = read_photo(photo), to_network(model)
        small = self.photo.copy()
        small.thumbnail((SHOWN, SHOWN))
        self.painter = Painter(small, self.model)
        self.logs = likelihoods(self.painter)
        self.steps, self.saved = Steps(tuple(hints)), set()
        self.pointer = Pointer(self.on_event, adds=True, label=f"The photo. {HELP}")
        self.palette = Palette(self.on_choice)
        self.words = ipywidgets.HTML()
        self.buttons = {name: ipywidgets.Button(description=name) for name in ("undo", "redo")}
        self.buttons["save"] = ipywidgets.Button(description="save as")
        self.name = ipywidgets.Text(value="colored", layout={"width": "12em"})
        for name, button in self.buttons.items():
            button.layout.width = "auto"
            button.on_click(lambda _, name=name: self.on_event(name, self.chosen, 0.5, 0.5))
        tools = ipywidgets.HBox([*self.buttons.values(), self.name])
        for part in (tools, self.words):
            part.layout.width = "100%"
        self.show(HELP)
        super().__init__([self.pointer, self.palette, tools, self.words])
        self.layout.flex_flow = "row wrap"
        self.add_class("course-brush")

    @property
    def hints(self) -> Hints:
        return self.steps.now

    @property
    def result(self) -> Image.Image:
        """The photo in color, at its full size."""
        return colorize(self.photo, self.model, hints=self.hints)

    def add(self, x: float, y: float, color: str | None = None) -> None:
        """A hint at a place; without a color it keeps the one that is there."""
        if len(self.hints) == MOST_HINTS:
            return self.show(f"There are {MOST_HINTS} hints already.")
        hint = Hint(x, y, color or "#000000")
        if color is None:
            row, column = hint.pixel(self.picture.height, self.picture.width)
            hint = Hint(x, y, self.picture.getpixel((column, row)))
        self.steps.go((*self.hints, hint))
        self.show("Added.", len(self.hints) - 1)

    def move(self, number: int, x: float, y: float) -> None:
        self.steps.go(self.with_hint(number, Hint(x, y, self.hints[number].color)))
        self.show("Moved.", number)

    def recolor(self, number: int, color: str) -> None:
        hint = self.hints[number]
        self.steps.go(self.with_hint(number, Hint(hint.x, hint.y, color)))
        self.show("Colored.", number)

    def remove(self, number: int) -> None:
        self.steps.go(self.hints[:number] + self.hints[number + 1 :])
        self.show("Removed.")

    def save(self, name: str) -> None:
        """Write NAME.png, the picture at its full size, and NAME.json, the hints."""
        files = [Path(f"{name}.png"), Path(f"{name}.json")]
        if taken := [file for file in files if file.exists() and file not in self.saved]:
            return self.show(f"{taken[0]}: this file exists; choose another name.")
        hints = [(hint.x, hint.y, hint.color) for hint in self.hints]
        try:
            write_atomic(files[0], encode_result(self.result, "png", NOTE))
            write_atomic(files[1], hints_as_json(hints))
        except OSError as error:
            return self.show(f"{files[0]}: {error.strerror}; choose another name.")
        self.saved |= {*files}
        self.show(f"Saved {files[0]}, {self.photo.width} x {self.photo.height}, and {files[1]}.")

    def on_event(self, event: str, point: int, x: float, y: float) -> None:
        """What the pointer, a key or a button did."""
        known = 0 <= point < len(self.hints)
        match event:
            case "press" | "enter" if point < 0:
                self.add(x, y)
                self.pointer.focus(self.chosen)
            case "enter" if known:
                self.show("Chosen.", point)
                self.palette.focus()
            case "drag" if known:  # only `drop` is recorded, so one undo reverts the whole drag
                self.paint(self.with_hint(point, Hint(x, y, self.hints[point].color)))
            case "drop" if known:
                self.move(point, x, y)
            case "remove" if known:
                self.remove(point)
            case "undo" | "redo":
                getattr(self.steps, event)()
                self.show("Undone." if event == "undo" else "Done again.")
            case "save":
                self.save(self.name.value)

    def on_choice(self, color: str | None) -> None:
        """A color of the palette was chosen; None is Escape."""
        if color and 0 <= self.chosen < len(self.hints):
            self.recolor(self.chosen, color)
        self.pointer.focus(self.chosen)

    def with_hint(self, number: int, hint: Hint) -> Hints:
        return (*self.hints[:number], hint, *self.hints[number + 1 :])

    def paint(self, hints: Hints) -> None:
        self.picture = self.painter.paint(hints)
        self.pointer.picture = png(self.picture)

    def show(self, what: str, chosen: int = -1) -> None:
        """Say what was done, show the picture, and the palette for the hint that is chosen."""
        self.chosen = chosen
        self.paint(self.hints)
        told = [f"{n + 1}. {self.told(hint)}" for n, hint in enumerate(self.hints)]
        keys = "Arrow keys move it, Enter opens the palette, Delete removes it."
        self.pointer.points = [
            {
                "x": hint.x,
                "y": hint.y,
                "color": as_hex(hint.color),
                "label": f"Hint {words}. {keys}",
            }
            for hint, words in zip(self.hints, told, strict=True)
        ]
        self.buttons["undo"].disabled = not self.steps.past
        self.buttons["redo"].disabled = not self.steps.future
        self.open_palette()
        self.text = f"{what} Hints: {'; '.join(told) or 'none'}."
        self.words.value = f'<p role="status">{escape(self.text)}</p>'

    def open_palette(self) -> None:
        if self.chosen < 0:
            return self.palette.show("No hint is chosen.")
        hint = self.hints[self.chosen]
        row, column = hint.pixel(*self.logs.shape[1:])
        title = f"Colors for hint {self.chosen + 1}, at L = {self.level(hint):.0f}"
        self.palette.show(
            title, self.level(hint), colors_for(self.logs[:, row, column], self.level(hint))
        )

    def level(self, hint: Hint) -> float:
        """L at a hint."""
        lightness = self.painter.lightness[0, 0]
        return lightness[hint.pixel(*lightness.shape)].item()

    def told(self, hint: Hint) -> str:
        return f"{words_of(hint.ab)}, at {hint.x:.0%} from the left and {hint.y:.0%} from the top"

    def __repr__(self) -> str:
        """What it shows, for where no widget can be drawn."""
        return self.text


@torch.inference_mode()
def likelihoods(painter: Painter) -> torch.Tensor:
    """Log-probabilities (313, h/4, w/4) of the bins, by the network that answers with them."""
    vivid = load_model("photographs-vivid")
    logits = vivid.logits(painter.guide.to(model_device(vivid)))
    return logits[0].float().cpu().log_softmax(dim=0)

"""What every widget stands on: controls, a picture, and its description in words.

A widget is an `Explorer` around one pure function from the values of its controls to a picture
and a sentence. The picture travels as PNG bytes, so nothing flickers, and the same code runs
under ipywidgets 7 (Colab) and 8.
"""

import io
from collections.abc import Callable, Sequence
from html import escape

import ipywidgets
import traitlets
from PIL import Image

from course_utils.photos import SAMPLES

PHOTOS = tuple(SAMPLES)
SECOND = 1000  # in milliseconds

Render = Callable[..., tuple[Image.Image | list[Image.Image] | None, str]]


class Explorer(ipywidgets.VBox):
    """Controls above a picture, with words under it.

    It updates during a drag. A control waits for the response to its last value before it sends the
    newest one. The picture is drawn before that response is sent, so slow pictures skip values
    instead of queuing.

    Args:
        render: called with the controls' values by name; returns a picture, or several to be shown
            for a second each, or None to keep the one before; and a sentence.
        controls: name -> an ipywidgets control, or a `Guess`.
    """

    def __init__(self, render: Render, **controls: ipywidgets.Widget) -> None:
        self.render, self.controls = render, controls
        self.picture = ipywidgets.Image(format="png")
        self.picture.layout.max_width = "100%"
        self.picture.layout.align_self = "flex-start"
        self.words = ipywidgets.HTML()
        for control in controls.values():
            if hasattr(control, "style"):
                control.style.description_width = "8em"
            control.observe(self._update, names="value")
        self._update()
        rows = ipywidgets.Box([*controls.values()])
        rows.layout.flex_flow = "row wrap"
        super().__init__([rows, self.picture, self.words])

    def set(self, **values: object) -> None:
        """Move controls from code, as a hand would."""
        for name, value in values.items():
            self.controls[name].value = value

    def tried(self, **values: object) -> tuple[bytes, str]:
        """The picture (PNG bytes) and words for these values; then restore the controls."""
        kept = {name: self.controls[name].value for name in values}
        self.set(**values)
        shown = self.picture.value, self.text
        self.set(**kept)
        return shown

    def __repr__(self) -> str:
        """What it shows, for where no widget can be drawn."""
        return self.text

    def _update(self, _: object = None) -> None:
        values = {name: control.value for name, control in self.controls.items()}
        # Sliders keep a number within their ends, which NaN passes; a list may have no choice.
        bad = [name for name, value in values.items() if value is None or value != value]
        if bad:
            what = f"{bad[0]}: expected a value, got {values[bad[0]]}"
            picture, self.text = None, f"{what}; choose another"
        else:
            picture, self.text = self.render(**values)
        if picture is not None:
            self.picture.value = png(picture)
        self.words.value = f"<p>{escape(self.text)}</p>"


class Guess(ipywidgets.HBox):
    """Buttons that let the reader judge before the answer is shown.

    `value` holds the answers so far, one a round; "" stands for the one that is waited for.

    Args:
        question: what the button says that starts a round.
        options: the answers, a button each.
    """

    value = traitlets.Tuple()

    def __init__(self, question: str, options: Sequence[str]) -> None:
        self.start = ipywidgets.Button(description=question)
        self.start.layout.width = "auto"
        self.start.on_click(lambda _: self.ask())
        self.options = [ipywidgets.Button(description=name, disabled=True) for name in options]
        for button in self.options:
            button.layout.width = "auto"
            button.on_click(lambda pressed: self.choose(pressed.description))
        super().__init__([self.start, *self.options])

    @property
    def waiting(self) -> bool:
        return self.value[-1:] == ("",)

    def ask(self) -> None:
        """Start a round."""
        if not self.waiting:
            self.value = (*self.value, "")

    def choose(self, option: str) -> None:
        """Answer the round that waits."""
        if self.waiting and option in [button.description for button in self.options]:
            self.value = (*self.value[:-1], option)

    @traitlets.observe("value")
    def _follow(self, _: object) -> None:
        self.start.disabled = self.waiting
        for button in self.options:
            button.disabled = not self.waiting


def slider(
    name: str, value: float, low: float, high: float, step: float = 1
) -> ipywidgets.FloatSlider:
    """A slider that answers while it is dragged."""
    return ipywidgets.FloatSlider(
        value,
        min=low,
        max=high,
        step=step,
        description=name,
        readout_format=".0f" if step == 1 else ".1f",
    )


def photo_choice(description: str, photo: str = PHOTOS[0]) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(options=PHOTOS, value=photo, description=description)


def path_text() -> ipywidgets.Text:
    return ipywidgets.Text(
        description="or its path",
        placeholder="a photo of yours, then Enter",
        continuous_update=False,
    )


def png(picture: Image.Image | list[Image.Image]) -> bytes:
    """A picture as the bytes of a PNG file; several as an animation that plays once."""
    file = io.BytesIO()
    first, *others = picture if isinstance(picture, list) else [picture]
    animation = {"save_all": True, "append_images": others, "duration": SECOND, "loop": 1}
    first.save(file, "png", compress_level=1, **(animation if others else {}))
    return file.getvalue()

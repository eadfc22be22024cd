"""How long a widget takes to answer a move: `python benchmarks/widgets.py`.

Of those that need the kernel, the median of at least 30 moves, every control through all its
values, or a hint across the photo, at the default size, from the new value to the PNG bytes; what a
browser adds is not in it.
Of those that the browser draws, the frames a second while a slider is dragged, photographs being
512 pixels wide, in Chromium without a GPU. Chromium draws at most 60.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import ipywidgets
import numpy as np
import torch

from course_utils import widgets
from course_utils.colorize import WEIGHTS, load_model
from course_utils.data import load_dataset
from course_utils.hints import Hint
from course_utils.photos import sample_photo
from course_utils.recipe import History

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "browser"))
from chromium import chromium, served
from live import write_pages

MOVES, LIMIT = 30, 100  # milliseconds
SLIDERS = {"AbPlane": "L (lightness)", "PhotoChannels": "a times", "ColorResolution": "1 number"}
DRAG = """async slider => {
    const frame = () => new Promise(requestAnimationFrame);
    const frames = 60, begin = await frame();
    for (let n = 1; n <= frames; n++) {
        slider.value = Number(slider.min) + (n / frames) * (slider.max - slider.min);
        slider.dispatchEvent(new Event('input'));
        await frame();
    }
    return 1000 * frames / (await frame() - begin);
}"""


def values(control: ipywidgets.Widget) -> list:
    """What a control can be moved to; its value now comes last."""
    if isinstance(control, widgets.Guess | ipywidgets.Text):
        return []  # a guess grows round by round; a path has no values to go through
    if isinstance(control, widgets.Place):
        choices = [(n / 7, 1 - n / 7) for n in range(7)]
    elif hasattr(control, "options"):
        choices = list(control.options)
    else:
        steps = 7
        choices = [control.min + (control.max - control.min) * n / steps for n in range(steps)]
        if isinstance(control, ipywidgets.IntSlider):
            choices = [round(choice) for choice in choices]
    return [choice for choice in choices if choice != control.value] + [control.value]


def moves_of(explorer: widgets.Explorer) -> list[Callable[[], None]]:
    """Each control through all its values."""
    moves = []
    guess = explorer.controls.get("guess")
    for name, control in explorer.controls.items():
        moves += [(name, value) for value in values(control)]
    if guess:
        rounds = [("left",) * n for n in range(1, 9)]
        moves += [("guess", value) for each in rounds for value in ((*each[:-1], ""), each)]
    return [partial(explorer.set, **{name: value}) for name, value in moves]


def strokes_of(brush: widgets.Brush) -> list[Callable[[], None]]:
    """A hint that is dragged across the photo, let go at the end."""
    drag = [partial(brush.on_event, "drag", 0, n / MOVES, n / MOVES) for n in range(MOVES)]
    return [*drag, partial(brush.on_event, "drop", 0, 1, 1)]


def milliseconds(moves: Sequence[Callable[[], None]]) -> list[float]:
    taken = []
    for move in islice(cycle(moves), max(MOVES, len(moves))):
        began = time.perf_counter()
        move()
        taken.append(1000 * (time.perf_counter() - began))
    return taken


def frames_a_second() -> dict[str, float]:
    """Of the widgets that the browser draws, by name."""
    with tempfile.TemporaryDirectory() as folder:
        write_pages(Path(folder))
        with served(Path(folder)) as address, chromium() as browser:
            page, found = browser.new_page(), {}
            for name, label in SLIDERS.items():
                page.goto(f"{address}{name}.html")
                page.wait_for_function("() => document.querySelector('p')?.textContent")
                found[name] = page.get_by_label(label).evaluate(DRAG)
            return found


for name, rate in frames_a_second().items():
    print(f"{name:20} {rate:5.1f} frames a second{'' if rate >= 30 else '  under 30'}")
model, samples = load_model("landscapes"), load_dataset("samples", 64, "all")
answers = torch.from_numpy(np.load(WEIGHTS / "landscapes.epochs.npz")["ab"])
errors = [row["val_mse"] for row in History.load(WEIGHTS / "landscapes.jsonl").rows]
explorers = {
    "color_distance": widgets.color_distance(),
    "gray_finder": widgets.gray_finder(load_dataset("samples", 96, "all")),
    "kernel_taps": widgets.kernel_taps(),
    "receptive_fields": widgets.receptive_fields(),
    "epoch_scrubber": widgets.epoch_scrubber(answers, samples, errors),
    "temperature_explorer": widgets.temperature_explorer(load_model("photographs-vivid")),
    "results_browser": widgets.results_browser(model, load_dataset("scenes", 64, "val")),
}
moves = {name: moves_of(explorer) for name, explorer in explorers.items()}
brush = widgets.Brush(sample_photo("rocket"), hints=[Hint(0.5, 0.5, "#c03020")])
for name, each in (moves | {"Brush": strokes_of(brush)}).items():
    taken = milliseconds(each)
    median = statistics.median(taken)
    verdict = "" if median < LIMIT else f"  over {LIMIT}"
    print(f"{name:20} median {median:5.1f} ms, slowest {max(taken):5.1f}{verdict}")

"""How long a widget takes to answer a move: `python benchmarks/widgets.py`.

The median of at least 30 moves, every control through all its values, at the default size, from
the new value to the PNG bytes. What a browser adds is not in it.
"""

import statistics
import time
from itertools import cycle, islice

import ipywidgets

from course_utils import widgets
from course_utils.colorize import load_model
from course_utils.data import load_dataset

MOVES, LIMIT = 30, 100  # milliseconds


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


def milliseconds(explorer: widgets.Explorer) -> list[float]:
    moves = []
    guess = explorer.controls.get("guess")
    for name, control in explorer.controls.items():
        moves += [(name, value) for value in values(control)]
    if guess:
        rounds = [("left",) * n for n in range(1, 9)]
        moves += [("guess", value) for each in rounds for value in ((*each[:-1], ""), each)]
    taken = []
    for name, value in islice(cycle(moves), max(MOVES, len(moves))):
        began = time.perf_counter()
        explorer.set(**{name: value})
        taken.append(1000 * (time.perf_counter() - began))
    return taken


model = load_model("landscapes")
explorers = {
    "ab_plane": widgets.ab_plane(),
    "photo_channels": widgets.photo_channels(),
    "two_photos": widgets.two_photos(),
    "color_resolution": widgets.color_resolution(),
    "color_distance": widgets.color_distance(),
    "gray_finder": widgets.gray_finder(load_dataset("samples", 96, "all")),
    "kernel_taps": widgets.kernel_taps(),
    "receptive_fields": widgets.receptive_fields(),
    "temperature_explorer": widgets.temperature_explorer(load_model("photographs-vivid")),
    "results_browser": widgets.results_browser(model, load_dataset("scenes", 64, "val")),
}
for name, explorer in explorers.items():
    taken = milliseconds(explorer)
    median = statistics.median(taken)
    verdict = "" if median < LIMIT else f"  over {LIMIT}"
    print(f"{name:18} median {median:5.1f} ms, slowest {max(taken):5.1f}{verdict}")

"""Checks of lesson 3, the dilated CNN."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from course_utils.architecture import architecture_table
from course_utils.checks.framework import NotTried, Wrong, call, check, choices, pair, untouched
from course_utils.figures.dilated_cnn import WAYS
from course_utils.network import LAYERS, ColorizationNet

AWAY = {"A": 60, "B": 200, "C": 80}  # pixels from a sky pixel to the horizon, C being 40 % of B
CHANGES = {"half the width": (0.5, 256, 2), "half the side": (1, 128, 2), "dilation 4": (1, 256, 4)}


@check("One block")
def block(answer: Callable) -> None:
    """A function (inputs, outputs) -> nn.Sequential, a block like conv3."""
    made = call(answer, 6, 10)
    if repr(made) == repr(_broken_block(6, 10)):
        raise NotTried
    if not isinstance(made, nn.Module):
        raise Wrong(f"expected nn.Sequential(...), got {type(made).__name__}.")
    modules = _leaves(made)
    kinds = " ".join(type(module).__name__ for module in modules)
    convolutions = [m for m in modules if isinstance(m, nn.Conv2d)]
    if "Pool" in kinds:
        raise Wrong("no pooling here. Hint: the third convolution has stride=2.")
    if len(convolutions) != 3:
        raise Wrong(f"expected 3 convolutions, got {len(convolutions)}.")
    if kinds.count("BatchNorm2d") != 1:
        raise Wrong(f"expected one BatchNorm2d, at the end, got {kinds.count('BatchNorm2d')}.")
    expected = "Conv2d ReLU Conv2d ReLU Conv2d ReLU BatchNorm2d"
    if kinds != expected:
        hint = "ReLU after each convolution, BatchNorm after the last ReLU"
        raise Wrong(f"expected {expected}, got {kinds}. Hint: {hint}.")
    for what, wanted, got in (
        ("strides", [1, 1, 2], [m.stride[0] for m in convolutions]),
        ("kernel sizes", [3, 3, 3], [m.kernel_size[0] for m in convolutions]),
        ("dilations", [1, 1, 1], [m.dilation[0] for m in convolutions]),
        ("channels in", [6, 10, 10], [m.in_channels for m in convolutions]),
        ("channels out", [10, 10, 10], [m.out_channels for m in convolutions]),
        ("groups", [1, 1, 1], [m.groups for m in convolutions]),
    ):
        if wanted != got:
            raise Wrong(f"expected {what} {wanted} for (6, 10), as in the table, got {got}.")
    with torch.no_grad():
        out = call(made.eval(), torch.rand(1, 6, 16, 16))
    if out.shape[2:] != (8, 8):
        raise Wrong(
            f"expected 16 x 16 to become 8 x 8, got {out.shape[2]} x {out.shape[3]}. Hint: "
            "padding=1 keeps the size at stride 1."
        )


def _broken_block(inputs: int, outputs: int) -> nn.Sequential:
    """The block that the exercise hands out, with its four faults."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(outputs),
        nn.Conv2d(outputs, outputs, 3),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, dilation=2, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def _leaves(module: nn.Module) -> list[nn.Module]:
    """The modules that do the work, in order; one that is used twice counts twice."""
    if isinstance(module, nn.Sequential):
        return [leaf for child in module for leaf in _leaves(child)]
    children = list(module.children())
    return [leaf for child in children for leaf in _leaves(child)] if children else [module]


@check("Who sees the horizon")
def horizon(answer: dict) -> None:
    """Photo -> the first layer whose unit sees as far as the horizon, or "none"."""
    field = {row["layer"]: row["RF"] for row in architecture_table()}
    if not isinstance(answer, dict):
        raise Wrong(f"expected a dict from photo to layer, got {type(answer).__name__}.")
    if all(untouched(answer.get(photo, ...)) for photo in AWAY):
        raise NotTried
    for photo, away in AWAY.items():
        if untouched(got := answer.get(photo, ...)):
            raise Wrong(f"{photo}: no answer yet.")
        got = str(got).strip().lower()
        if got not in (*field, "none"):
            raise Wrong(f"{photo}: expected the name of a layer or 'none', got {got!r:.60}.")
        right = _first_to_see(field, 2 * away + 1)  # a field reaches half its width to each side
        if got == right:
            continue
        if got == _first_to_see(field, away):
            hint = "the unit is in the middle of its field and sees half of it to each side"
        elif got == "none":
            hint = f"it must see {away} pixels to one side; how wide is the field then?"
        elif right == "none":
            hint = f"the field after {got} reaches {field[got] // 2} pixels to each side"
        elif field[got] < field[right]:
            hint = f"after {got} it sees {field[got] // 2} pixels to each side, too few"
        else:
            hint = "a layer before it sees the horizon already"
        raise Wrong(f"{photo}: the horizon is {away} pixels away, not {got}. Hint: {hint}.")


def _first_to_see(field: dict[str, int], wide: int) -> str:
    return next((layer for layer, pixels in field.items() if pixels >= wide), "none")


@check("See far, miss nothing")
def far_sight(answer: object) -> None:
    """Three dilations of 3 x 3 layers that together see farthest without missing a pixel."""
    dilations = tuple(choices(answer, ("first", "second", "third")).values())
    if not all(1 <= each <= 100 and each % 1 == 0 for each in dilations):
        raise Wrong(f"expected whole numbers from 1 to 100, got {dilations}.")
    seen = {0}
    for dilation in map(int, dilations):
        seen = {place + step for place in seen for step in (-dilation, 0, dilation)}
    edge = max(seen)
    missed = [place for place in range(edge) if place not in seen]
    if missed:
        if len(set(dilations)) == 1:
            hint = "steps of one size land on its multiples only"
        elif min(dilations) > 1:
            hint = "without a dilation of 1 no unit sees its neighbors"
        else:
            hint = "what one layer sees must touch what it sees from the next tap"
        raise Wrong(
            f"the unit sees as far as {edge} pixels, but misses the one {missed[0]} away. "
            f"Hint: {hint}."
        )
    if edge < 13:
        hint = "after a layer of dilation 1 a view is 3 pixels wide; set three views side by side"
        if sorted(dilations) == [1, 2, 4]:
            hint = "its views overlap, and see most pixels more than once; let them only touch"
        raise Wrong(
            f"no pixel is missed, but the unit sees only {2 * edge + 1} of the 27 pixels that "
            f"are possible. Hint: {hint}."
        )


@check("Which layers made it")
def which_layers(answer: object) -> None:
    """Letter -> the number of the way through layers that gave this picture."""
    signs = {
        1: "poolings leave blocks of one value",
        2: "with dilations 1, 2, 4 everything is soft, and nothing is seen twice",
        3: "two dilations of 8 repeat everything 8 and 16 pixels away",
        4: "an odd kernel with stride 2 leaves a checkerboard",
    }
    look = {
        "A": "how many rockets do you count?",
        "B": "look at neighboring pixels in the plain sky",
        "C": "what has become of sharp edges, and of the number of lamps?",
        "D": "how many pixels share one value?",
    }
    for letter, way in choices(answer, tuple(WAYS)).items():
        if way not in signs:
            raise Wrong(f"{letter}: expected one of 1 to 4, got {way:g}.")
        if way != WAYS[letter][0]:
            raise Wrong(f"{letter} is not {way:g}: {signs[way]}. Hint: {look[letter]}")


@check("What it costs")
def costs(answer: dict) -> None:
    """Change -> (parameters, operations) after it, as a share of those before."""
    if not isinstance(answer, dict):
        raise Wrong(f"expected a dict from change to two numbers, got {type(answer).__name__}.")
    if missing := [change for change in CHANGES if change not in answer]:
        raise Wrong(f"{missing[0]} is missing.")
    hints = {
        ("half the width", "parameters"): "a weight joins a channel in and a channel out; "
        "there are half as many of both",
        ("half the width", "operations"): "half the channels in, and half the channels out",
        ("half the side", "parameters"): "the kernels slide: the same weights serve any size",
        ("half the side", "operations"): "height and width of each map are halved",
        ("dilation 4", "parameters"): "a dilated kernel has nine taps as any other",
        ("dilation 4", "operations"): "nine taps at as many pixels, only farther apart",
    }
    answers = {change: pair(answer[change]) for change in CHANGES}
    before = _cost(1, 256, 2)
    for change, settings in CHANGES.items():
        for what, got, new, old in zip(
            ("parameters", "operations"), answers[change], _cost(*settings), before, strict=True
        ):
            if abs(got - new / old) > 0.1 * new / old:
                raise Wrong(
                    f"{change}: {what} become {new / old:.2f} of what they were, not {got:g}. "
                    f"Hint: {hints[change, what]}."
                )


def _cost(width: float, size: int, dilation: int) -> tuple[int, int]:
    """Parameters, and operations for one picture, with this dilation in conv5 and conv6."""
    layers = tuple(replace(e, dilation=dilation) if e.dilation > 1 else e for e in LAYERS)
    with torch.device("meta"):
        rows = architecture_table(ColorizationNet(width, layers=layers), size)
    return sum(row["parameters"] for row in rows), sum(row["flop"] for row in rows)

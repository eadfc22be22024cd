"""Checks of lesson 3, the dilated CNN."""

from collections.abc import Callable

import torch
from torch import nn

from course_utils.architecture import architecture_table
from course_utils.checks.framework import NotTried, Wrong, call, check, number, untouched
from course_utils.network import LAYERS


@check("Effective dilation")
def effective_dilation(answer: dict) -> None:
    """A dict from the name of a layer to its effective dilation, for every layer."""
    expected = {row["layer"]: row["De"] for row in architecture_table()}
    dilation = {layer.name: layer.dilation for layer in LAYERS}
    if not isinstance(answer, dict):
        raise Wrong(f"expected a dict from layer to number, got {type(answer).__name__}.")
    if any(untouched(value) for value in answer.values()):
        raise NotTried
    missing = [name for name in expected if name not in answer]
    if missing:
        raise Wrong(f"expected {len(expected)} layers, {missing[0]} is missing.")
    for name, right in expected.items():
        got = number(answer[name])
        if got == right:
            continue
        if all(number(answer[each]) == dilation[each] for each in expected):
            hint = "this is the kernel's own dilation; multiply by the strides before the layer"
        elif name == "conv1_2":
            hint = "a layer's own stride does not count for itself, only for those after it"
        elif name == "conv8_1":
            hint = "a transposed layer works on the finer grid that it makes: stride 8 / 2 = 4"
        else:
            hint = "dilation x the product of the strides of all layers before"
        raise Wrong(f"{name}: expected {right}, got {got:g}. Hint: {hint}.")


@check("Output size of a convolution")
def output_size(answer: Callable) -> None:
    """A function (size, kernel, stride, dilation, padding) -> size of the output."""
    formulas = {
        "": lambda n, k, s, d, p: (n + 2 * p - d * (k - 1) - 1) // s + 1,
        "a dilated kernel spans more pixels, dilation * (kernel - 1) + 1": (
            lambda n, k, s, d, p: (n + 2 * p - k) // s + 1
        ),
        "round down, with //": lambda n, k, s, d, p: (n + 2 * p - d * (k - 1) - 1) / s + 1,
        "add 1 at the end": lambda n, k, s, d, p: (n + 2 * p - d * (k - 1) - 1) // s,
        "the padding is on both sides, 2 * padding": (
            lambda n, k, s, d, p: (n + p - d * (k - 1) - 1) // s + 1
        ),
        "the stride is missing": lambda n, k, s, d, p: n + 2 * p - d * (k - 1),
        "round down, with //; do not round to the nearest": (
            lambda n, k, s, d, p: round((n + 2 * p - d * (k - 1) - 1) / s + 1)
        ),
    }
    _by_formula(
        answer,
        ((224, 3, 2, 1, 1), (28, 3, 1, 2, 2), (29, 5, 2, 3, 1), (14, 1, 1, 1, 0)),
        formulas,
        "size, kernel, stride, dilation, padding",
        "the kernel spans d (k - 1) + 1 pixels; count where it can start",
    )


@check("Receptive field")
def receptive_field(answer: Callable) -> None:
    """A function from layers, a list of (kernel, stride, dilation), to the receptive field."""
    slips = {
        "": {},
        "a layer's own stride does not count for itself, only for those after it": {"own": True},
        "the taps of a dilated kernel are dilation pixels apart": {"dilated": False},
        "one step on a map is as many input pixels as all strides before multiply to": {
            "strided": False
        },
        "begin with 1: before the first layer a unit sees one pixel": {"begin": 0},
        "a kernel of 3 adds two gaps, kernel - 1": {"gaps": 0},
    }
    cases = (
        [(3, 1, 1)],
        [(3, 1, 1), (3, 2, 1), (3, 1, 1)],
        [(3, 1, 1), (3, 1, 2), (5, 1, 1)],
        [(layer.kernel, layer.stride, layer.dilation) for layer in LAYERS[:19]],
    )
    got = [number(call(answer, list(case))) for case in cases]
    results = {hint: [_field(case, **slip) for case in cases] for hint, slip in slips.items()}
    unknown = "field += (kernel - 1) * dilation * (product of the strides before)"
    hint = next((hint for hint, result in results.items() if result == got), unknown)
    if hint:
        at = next(i for i, value in enumerate(got) if value != results[""][i])
        name = cases[at] if at < 3 else "conv1_1 to conv7_3"
        raise Wrong(f"{name}: expected {results[''][at]}, got {got[at]:g}. Hint: {hint}.")


def _field(
    layers: list[tuple[int, int, int]],
    own: bool = False,
    dilated: bool = True,
    strided: bool = True,
    begin: int = 1,
    gaps: int = 1,
) -> int:
    field, accumulated = begin, 1
    for kernel, stride, dilation in layers:
        after = accumulated * stride if strided else 1
        field += (kernel - gaps) * (dilation if dilated else 1) * (after if own else accumulated)
        accumulated = after
    return field


@check("One block")
def block(answer: Callable) -> None:
    """A function (inputs, outputs) -> nn.Sequential, a block like conv3."""
    made = call(answer, 6, 10)
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


def _leaves(module: nn.Module) -> list[nn.Module]:
    """The modules that do the work, in order; one that is used twice counts twice."""
    if isinstance(module, nn.Sequential):
        return [leaf for child in module for leaf in _leaves(child)]
    children = list(module.children())
    return [leaf for child in children for leaf in _leaves(child)] if children else [module]


@check("How many parameters")
def parameters(answer: Callable) -> None:
    """A function (inputs, outputs, kernel, batch_norm) -> how many numbers are learned."""
    formulas = {
        "": lambda i, o, k, bn: k * k * i * o + o + 2 * o * bn,
        "each output channel has a bias": lambda i, o, k, bn: k * k * i * o + 2 * o * bn,
        "a kernel has height and width, kernel²": lambda i, o, k, bn: k * i * o + o + 2 * o * bn,
        "each output channel has a bias, and BatchNorm learns two numbers for each": (
            lambda i, o, k, bn: k * k * i * o
        ),
        "BatchNorm learns a scale and a shift for each channel": (
            lambda i, o, k, bn: k * k * i * o + o
        ),
        "BatchNorm's running mean and variance are measured, not learned": (
            lambda i, o, k, bn: k * k * i * o + o + 4 * o * bn
        ),
        "BatchNorm learns two numbers a channel, a scale and a shift": (
            lambda i, o, k, bn: k * k * i * o + o + o * bn
        ),
        "each output channel looks at all input channels, inputs * outputs": (
            lambda i, o, k, bn: k * k * o + o + 2 * o * bn
        ),
        "one BatchNorm pair for each channel, not one for all": (
            lambda i, o, k, bn: k * k * i * o + o + 2 * bn
        ),
    }
    _by_formula(
        answer,
        ((1, 64, 3, False), (64, 64, 3, True), (256, 313, 1, False)),
        formulas,
        "inputs, outputs, kernel, batch_norm",
        "weights, plus biases, plus 2 numbers a channel where there is a BatchNorm",
    )


def _by_formula(
    answer: Callable, cases: tuple, formulas: dict[str, Callable], names: str, otherwise: str
) -> None:
    """Compare with the right formula, whose hint is "", and with those of the usual mistakes."""
    got = [number(call(answer, *case)) for case in cases]
    results = {hint: [formula(*case) for case in cases] for hint, formula in formulas.items()}
    hint = next((hint for hint, result in results.items() if result == got), otherwise)
    if hint:
        at = next(i for i, value in enumerate(got) if value != results[""][i])
        raise Wrong(
            f"{names} = {cases[at]}: expected {results[''][at]}, got {got[at]:g}. Hint: {hint}."
        )

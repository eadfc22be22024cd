"""Checks of lesson 3, the dilated CNN."""

from collections.abc import Callable

from course_utils.checks.framework import Wrong, call, check, number
from course_utils.network import LAYERS, architecture_table


@check("Effective dilation")
def effective_dilation(answer: dict) -> None:
    """A dict from the name of a layer to its effective dilation, for every layer."""
    expected = {row["layer"]: row["De"] for row in architecture_table()}
    dilation = {layer.name: layer.dilation for layer in LAYERS}
    if not isinstance(answer, dict):
        raise Wrong(f"expected a dict from layer to number, got {type(answer).__name__}.")
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
    cases = ((224, 3, 2, 1, 1), (28, 3, 1, 2, 2), (29, 5, 2, 3, 1), (14, 1, 1, 1, 0))
    got = [number(call(answer, *case)) for case in cases]
    results = {hint: [formula(*case) for case in cases] for hint, formula in formulas.items()}
    unknown = "the kernel spans d (k - 1) + 1 pixels; count where it can start"
    hint = next((hint for hint, result in results.items() if result == got), unknown)
    if hint:
        at = next(i for i, value in enumerate(got) if value != results[""][i])
        raise Wrong(
            f"size, kernel, stride, dilation, padding = {cases[at]}: expected {results[''][at]}, "
            f"got {got[at]:g}. Hint: {hint}."
        )

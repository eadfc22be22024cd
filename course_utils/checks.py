"""Checks for the exercises: what is right, or what was expected, what came, and a hint.

A check prints one line or two and never raises at the learner. An untouched stub (which is
or returns `...`) is "not tried yet". Where an answer equals what a well-known
mistake gives, the hint names the mistake.
"""

import re
import warnings
from collections.abc import Callable
from functools import wraps

import numpy as np
import torch
from torch import nn

from course_utils import color, metrics
from course_utils.network import AB_SCALE, LAYERS, ColorizationNet, architecture_table


class NotTried(Exception):
    """The stub is still a stub."""


class Wrong(Exception):
    """What was expected, what came, and a hint."""


def _check(exercise: str) -> Callable:
    """Turn a function that raises `NotTried` or `Wrong` into one that prints."""

    def decorate(function: Callable[[object], None]) -> Callable[[object], None]:
        @wraps(function)
        def check(answer: object = None) -> None:
            try:
                if _untouched(answer):
                    raise NotTried
                with warnings.catch_warnings():
                    # numpy functions on tensors work, and warn: nothing a learner should see
                    warnings.simplefilter("ignore", DeprecationWarning)
                    function(answer)
                print(f"✓ {exercise}: right.")
            except NotTried:
                print(f"○ {exercise}: not tried yet.")
            except Wrong as wrong:
                print(f"✗ {exercise}: {wrong}")
            except Exception as error:
                ambiguous = "ambiguous" in str(error)  # `if` on a whole tensor
                hint = (
                    " Hint: torch.where chooses for each number of a tensor." if ambiguous else ""
                )
                print(f"✗ {exercise}: your code stopped with {type(error).__name__}: {error}{hint}")

        return check

    return decorate


# 00 Start here


@_check("What the network guesses")
def what_is_guessed(answer: str) -> None:
    """Which Lab channels are missing from a black-and-white photo, as a word such as "La"."""
    if not isinstance(answer, str | list | tuple | set):
        raise Wrong(f"expected letters such as 'La', got {type(answer).__name__}.")
    letters = set(re.findall("[abL]", str(answer).replace("and", "").replace("AB", "ab")))
    if letters != {"a", "b"}:
        hint = (
            "L is lightness, and a black-and-white photo shows it already"
            if "L" in letters
            else "two of the three letters of Lab are missing from a black-and-white photo"
        )
        raise Wrong(f"expected two channels, got {answer!r:.60}. Hint: {hint}.")


@_check("A photo of your choice")
def colorized(answer: object) -> None:
    """A color picture made by `colorize`, as large as the photo that went in."""
    from PIL import Image

    from course_utils.data import SAMPLES, sample_photo

    if not isinstance(answer, Image.Image):
        raise Wrong(f"expected a picture, got {type(answer).__name__}. Hint: colorize(...).")
    pixels = np.asarray(answer.convert("RGB"), dtype=int)
    if np.ptp(pixels, axis=-1).max() < 3:
        raise Wrong("expected colors, every pixel is gray. Hint: show what colorize returned.")
    small = np.asarray(answer.convert("RGB").resize((16, 16)), dtype=int)
    for name in SAMPLES:
        original = np.asarray(sample_photo(name).resize((16, 16)), dtype=int)
        if np.abs(original - small).mean() < 3:
            raise Wrong(f"this is the original {name}. Hint: pass it through colorize.")


# 01 Lab color


@_check("sRGB decoding")
def srgb_decode(answer: Callable) -> None:
    """A function from encoded sRGB in [0, 1] to linear light."""
    encoded = torch.tensor([0, 0.01, 0.03, 0.04, 0.05, 0.2, 0.5, 0.8, 1], dtype=torch.float64)
    linear = color.srgb_decode(encoded)
    _compare(
        _call(answer, encoded),
        linear,
        {
            "the values come back as they went in; the curve is missing": encoded,
            "this is the power 2.2; sRGB has ((v + 0.055) / 1.055) ** 2.4": encoded**2.2,
            "near black (v <= 0.04045) the curve is a straight line, v / 12.92": (
                ((encoded + 0.055) / 1.055) ** 2.4
            ),
            "this is the way back, from linear to encoded": color.srgb_encode(encoded),
            "near black divide by 12.92, do not multiply": torch.where(
                encoded > 0.04045, linear, encoded * 12.92
            ),
            "the two branches are swapped: the straight line is for v <= 0.04045": torch.where(
                encoded > 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
            ),
        },
        tolerance=1e-5,
    )


@_check("Hue and chroma")
def hue_and_chroma(answer: Callable) -> None:
    """A function from a and b to (hue in degrees in 0..360, chroma)."""
    a = torch.tensor([10.0, 0.0, -20.0, 3.0], dtype=torch.float64)
    b = torch.tensor([0.0, 30.0, 0.0, -4.0], dtype=torch.float64)
    hue, chroma = torch.rad2deg(torch.atan2(b, a)) % 360, torch.hypot(a, b)
    got = [
        [_number(part) for part in _pair(_call(answer, x, y))] for x, y in zip(a, b, strict=True)
    ]
    swapped = torch.rad2deg(torch.atan2(a, b)) % 360
    _compare(
        torch.tensor(got),
        torch.stack((hue, chroma), dim=1),
        {
            "the hue is in radians; turn it into degrees": torch.stack(
                (torch.atan2(b, a), chroma), dim=1
            ),
            "a and b are swapped in atan2: it takes b first": torch.stack((swapped, chroma), 1),
            "hue and chroma come in the other order": torch.stack((chroma, hue), dim=1),
            "negative angles: bring them into 0..360 with % 360": torch.stack(
                (torch.rad2deg(torch.atan2(b, a)), chroma), dim=1
            ),
            "the chroma lacks its square root": torch.stack((hue, chroma**2), dim=1),
            "the chroma is sqrt(a² + b²), not |a| + |b|": torch.stack(
                (hue, a.abs() + b.abs()), dim=1
            ),
            "arctan(b / a) does not tell +a from -a; atan2(b, a) does": torch.stack(
                (torch.rad2deg(torch.atan(b / a)) % 360, chroma), dim=1
            ),
            "the hue is in radians; turn it into degrees before % 360": torch.stack(
                (torch.atan2(b, a) % (2 * torch.pi), chroma), dim=1
            ),
        },
    )


# 02 Data


@_check("Is it gray?")
def is_gray(answer: Callable) -> None:
    """A function from Lab (3, H, W) to True for a gray photo, however light or warm it is."""
    base = torch.linspace(20, 90, 64).reshape(8, 8)
    none = torch.zeros(8, 8)
    speck = none.clone()
    speck[0, 0] = 30
    mean = "the mean of sqrt(a² + b²) over the photo, against a threshold such as 4"
    cases = (
        ("a plain gray photo", none, none, True, mean),
        ("a gray photo with the noise of a JPEG", none + 0.8, none - 0.9, True, mean),
        ("a gray photo with one colored speck", speck, none, True, mean),
        (
            "a photo half red and half green, whose mean a is 0",
            torch.where(base > 55, 40.0, -40.0),
            none,
            False,
            "a and b of both signs cancel in a mean; take sqrt(a² + b²) first",
        ),
        ("a blue photo", none, none - 40, False, "b counts as much as a; " + mean),
        ("an evenly orange photo", none + 30, none + 30, False, "not the spread, " + mean),
        ("a pale photo of mean chroma 8", none + 8, none, False, "the threshold is too high"),
    )
    for name, a, b, expected, hint in cases:
        got = bool(_call(answer, torch.stack((base, a, b))))
        if got != expected:
            raise Wrong(f"expected {expected} for {name}, got {got}. Hint: {hint}.")


@_check("The first n photographs")
def first_n(answer: Callable) -> None:
    """A function from a list of files and n to the first n of those that are photographs."""
    files = ["jpg_list.csv", "a.jpg", "notes.txt", "b.PNG", "c.jpeg", "d.jpg", "e.webp"]
    photos = [file for file in files if not file.endswith((".csv", ".txt"))]
    found = [str(file) for file in _call(answer, files, 99)]
    first = [str(file) for file in _call(answer, files, 3)]
    extra = [file for file in found if file not in photos]
    missing = [file for file in photos if file not in found]
    if extra:
        raise Wrong(f"{extra[0]} is no photograph. Hint: look at the ending alone.")
    if missing:
        hint = "compare endings in lower case" if missing[0] == "b.PNG" else "it is in the list"
        raise Wrong(f"{missing[0]} is a photograph too. Hint: {hint}.")
    if first != photos[:3]:
        hint = (
            "[: n + 1] takes one more than it says; a slice leaves its end out"
            if len(first) == 4
            else "first choose the photographs, then slice"
        )
        raise Wrong(f"expected {photos[:3]} for n = 3, got {first}. Hint: {hint}.")


# 03 The dilated CNN


@_check("Effective dilation")
def effective_dilation(answer: dict) -> None:
    """A dict from the name of a layer to its effective dilation, for every layer."""
    expected = {row["layer"]: row["De"] for row in architecture_table()}
    dilation = {layer.name: layer.dilation for layer in LAYERS}
    if not isinstance(answer, dict):
        raise Wrong(f"expected a dict from layer to number, got {type(answer).__name__}.")
    missing = [name for name in expected if name not in answer]
    if missing:
        raise Wrong(f"expected {len(expected)} layers, {missing[0]} is missing.")
    for name, number in expected.items():
        got = _number(answer[name])
        if got == number:
            continue
        if all(_number(answer[each]) == dilation[each] for each in expected):
            hint = "this is the kernel's own dilation; multiply by the strides before the layer"
        elif name == "conv1_2":
            hint = "a layer's own stride does not count for itself, only for those after it"
        elif name == "conv8_1":
            hint = "a transposed layer works on the finer grid that it makes: stride 8 / 2 = 4"
        else:
            hint = "dilation x the product of the strides of all layers before"
        raise Wrong(f"{name}: expected {number}, got {got:g}. Hint: {hint}.")


@_check("Output size of a convolution")
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
    got = [_number(_call(answer, *case)) for case in cases]
    results = {hint: [formula(*case) for case in cases] for hint, formula in formulas.items()}
    unknown = "the kernel spans d (k - 1) + 1 pixels; count where it can start"
    hint = next((hint for hint, result in results.items() if result == got), unknown)
    if hint:
        at = next(i for i, value in enumerate(got) if value != results[""][i])
        raise Wrong(
            f"size, kernel, stride, dilation, padding = {cases[at]}: expected {results[''][at]}, "
            f"got {got[at]:g}. Hint: {hint}."
        )


# 04 L2 training


@_check("The best answer under L2")
def l2_answer(answer: object) -> None:
    """The ab that L2 likes best for a flower: red (60, 40) in 1 of 4, blue (10, -50) in 3."""
    _compare(
        torch.as_tensor(_pair(answer), dtype=torch.float64),
        torch.tensor([22.5, -27.5], dtype=torch.float64),
        {
            "this is the more frequent color; L2 wants the mean": torch.tensor([10.0, -50.0]),
            "weigh the colors by how often they occur": torch.tensor([35.0, -5.0]),
            "the weights are exchanged": torch.tensor([47.5, 17.5]),
            "gray is not the mean of these two": torch.tensor([0.0, 0.0]),
        },
    )


@_check("The training step")
def training_step(answer: Callable) -> None:
    """A function (model, optimizer, L, ab) that makes one step and returns the loss."""

    def start() -> tuple[ColorizationNet, torch.optim.SGD, torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = ColorizationNet(width=0.05)
        lightness = torch.rand(2, 1, 16, 16, generator=generator) * 100
        ab = torch.randn(2, 2, 16, 16, generator=generator) * 30
        return model, torch.optim.SGD(model.parameters(), lr=0.1), lightness, ab

    def after(step: Callable, times: int) -> tuple[torch.Tensor, float]:
        model, optimizer, lightness, ab = start()
        for _ in range(times):
            loss = _call(step, model, optimizer, lightness, ab)
        return model.model1[0].weight.detach().clone(), _number(loss)

    def reference(model: nn.Module, optimizer: torch.optim.Optimizer, L, ab, scale=AB_SCALE):
        loss = ((model(L) - ab) / scale).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    untouched = start()[0].model1[0].weight
    weights, loss = after(answer, 1)
    expected, expected_loss = after(reference, 1)
    if torch.equal(weights, untouched):
        raise Wrong(
            "the weights did not change. Hint: loss.backward() computes the gradient, "
            "optimizer.step() follows it, and zero_grad() must not stand between them."
        )
    if not np.isclose(loss, expected_loss, rtol=1e-3):
        ratio = loss / expected_loss
        hint = (
            "divide both ab by 110 before the loss, so that it is of size 1"
            if np.isclose(ratio, AB_SCALE**2, rtol=0.01)
            else "the mean of the squared differences of ab / 110"
        )
        raise Wrong(f"expected the loss {expected_loss:.4f}, got {loss:.4f}. Hint: {hint}.")
    if not torch.allclose(weights, expected, atol=1e-5):
        raise Wrong("the loss is right, the step is not. Hint: one backward, one step.")
    if not torch.allclose(after(answer, 3)[0], after(reference, 3)[0], atol=1e-4):
        raise Wrong(
            "the first step is right, the third is not. Hint: gradients add up until "
            "optimizer.zero_grad() clears them."
        )


# 05 Results


@_check("AuC")
def auc(answer: Callable) -> None:
    """A function from ab errors to the area under their cumulative curve, 0..150, in [0, 1]."""
    errors = torch.tensor([0.0, 15.0, 30.0, 75.0, 300.0], dtype=torch.float64)
    _compare(
        torch.tensor(_number(_call(answer, errors))),
        torch.tensor(metrics.auc(errors)),
        {
            "this is the mean error; the area is 1 - mean / 150": errors.clamp(max=150).mean(),
            "errors over 150 count as 150: clamp before the mean": 1 - errors.mean() / 150,
            "the area over the curve; subtract it from 1": errors.clamp(max=150).mean() / 150,
            "in percent; the check wants 0..1": torch.tensor(100 * metrics.auc(errors)),
            "divide the area by 150": torch.tensor(150 * metrics.auc(errors)),
        },
        tolerance=0.006,  # a sum over whole thresholds is as good as the integral
    )


@_check("Colorfulness")
def colorfulness(answer: Callable) -> None:
    """A function from RGB (3, H, W) in 0..255 to Hasler and Suesstrunk's colorfulness."""
    generator = torch.Generator().manual_seed(1)
    # So many pixels that dividing by n or by n - 1 in a variance makes no difference.
    rgb = (torch.rand(3, 80, 80, generator=generator, dtype=torch.float64) * 255).round()
    rgb[2] = rgb[2] / 3  # warm on the whole, so that the means matter
    red, green, blue = rgb
    rg, yb = red - green, (red + green) / 2 - blue
    spread = (rg.var(correction=0) + yb.var(correction=0)).sqrt()
    mean = (rg.mean() ** 2 + yb.mean() ** 2).sqrt()
    expected = metrics.colorfulness(rgb[None] / 255)[0]
    absolute = (rg.abs().var(correction=0) + yb.abs().var(correction=0)).sqrt() + 0.3 * (
        rg.abs().mean() ** 2 + yb.abs().mean() ** 2
    ).sqrt()
    _compare(
        torch.tensor(_number(_call(answer, rgb))),
        expected,
        {
            "0.3 x the size of the mean is missing": spread,
            "the mean counts 0.3 times": spread + mean,
            "rg and yb keep their signs: no abs()": absolute,
            "this is for RGB in 0..1; the measure is for 0..255": expected / 255,
            "the square of the mean, not the mean of the squares": (
                spread + 0.3 * (rg.square().mean() + yb.square().mean()).sqrt()
            ),
            "the root of the sum of both variances, not the sum of both roots": (
                rg.std(correction=0) + yb.std(correction=0) + 0.3 * mean
            ),
        },
        tolerance=1e-3 * expected.item(),
    )


def _untouched(answer: object) -> bool:
    return answer is None or answer is ...


def _call(function: Callable, *arguments: object) -> object:
    """Run the learner's function; a stub gives nothing back."""
    if not callable(function):
        raise Wrong(f"expected a function, got {type(function).__name__}.")
    result = function(*arguments)
    if result is ...:
        raise NotTried
    if result is None:
        raise Wrong("your function gave nothing back. Hint: `return` the result.")
    return result


def _number(value: object) -> float:
    """A Python, numpy or torch number."""
    try:
        if isinstance(value, str):
            raise TypeError
        return float(value.detach() if isinstance(value, torch.Tensor) else value)
    except (TypeError, ValueError):
        raise Wrong(f"expected one number, got {type(value).__name__} {value!r:.60}.") from None


def _pair(value: object) -> tuple[float, float]:
    try:
        first, second = value
    except (TypeError, ValueError):
        raise Wrong(f"expected two numbers, got {value!r:.60}.") from None
    if _untouched(first) or _untouched(second):
        raise NotTried
    return _number(first), _number(second)


def _compare(
    got: object,
    expected: torch.Tensor,
    mistakes: dict[str, torch.Tensor],
    tolerance: float = 1e-3,
) -> None:
    """Raise `Wrong` with the hint of the mistake that gives the same numbers."""
    got = got.detach() if isinstance(got, torch.Tensor) else np.asarray(got)
    got = torch.as_tensor(got, dtype=torch.float64)
    if got.shape != expected.shape:
        raise Wrong(f"expected shape {tuple(expected.shape)}, got {tuple(got.shape)}.")
    if torch.allclose(got, expected.double(), rtol=1e-4, atol=tolerance):
        return
    hint = next(
        (
            f" Hint: {name}."
            for name, values in mistakes.items()
            if torch.allclose(got, values.double(), rtol=1e-2, atol=tolerance)
        ),
        "",
    )
    wrong = ~torch.isclose(got, expected.double(), rtol=1e-4, atol=tolerance)
    where = tuple(wrong.nonzero()[0].tolist())
    place = f" at {where[0] if len(where) == 1 else where}" if where else ""
    raise Wrong(f"expected {expected[where]:.4g}, got {got[where]:.4g}{place}.{hint}")

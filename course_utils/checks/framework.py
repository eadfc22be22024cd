"""What every check stands on: how an answer is called, compared, and spoken about."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import wraps

import numpy as np
import torch

from course_utils.checks.hints import HINTS
from course_utils.plumbing import lessons

USUAL_ERRORS = {  # a part of what Python or PyTorch says -> what helps
    "ambiguous": " Hint: torch.where chooses for each number of a tensor.",
    "not all arguments converted": " Hint: a hexdigest is text; int(text, 16) is its number.",
    "invalid literal for int": " Hint: a hexdigest is text; int(text, 16) is its number.",
    "sparse_coo": " Hint: gray.png has one channel; Pillow's .convert('RGB') gives it three.",
    "'int' object is not iterable": " Hint: Pillow wants a pair, (size, size).",
    "only one element tensors": " Hint: math works on one number; use torch's functions.",
    "batch2": " Hint: torch.tensordot(matrix, rgb, dims=1) multiplies the channels of (3, H, W).",
}
hints_left: dict[str, Iterator[str]] = {}  # for exercises that were tried


class NotTried(Exception):
    """The stub is still a stub."""


class Wrong(Exception):
    """What was expected, what came, and a hint."""


def check(exercise: str) -> Callable:
    """Turn a function that raises `NotTried` or `Wrong` into one that prints."""

    def decorate(function: Callable[[object], None]) -> Callable[[object], None]:
        @wraps(function)
        def printed(answer: object = None) -> None:
            try:
                if untouched(answer):
                    raise NotTried
                with warnings.catch_warnings():
                    # numpy functions on tensors work, and warn: nothing a learner should see
                    warnings.simplefilter("ignore", DeprecationWarning)
                    function(answer)
                print(f"✓ {exercise}: right.")
                lessons.remember(function.__name__)
            except NotTried:
                print(f"○ {exercise}: not tried yet.")
            except Wrong as wrong:
                print(f"✗ {exercise}: {wrong}{next_hint(str(wrong), function.__name__)}")
            except Exception as error:
                hint = next((h for text, h in USUAL_ERRORS.items() if text in str(error)), "")
                reason = str(error).rstrip(".")
                said = f"your code stopped with {type(error).__name__}: {reason}.{hint}"
                print(f"✗ {exercise}: {said}{next_hint(said, function.__name__)}")

        return printed

    return decorate


def next_hint(said: str, exercise: str) -> str:
    """The next general hint, if the message has none; after the last, a pointer to the answer."""
    if "Hint:" in said:
        return ""
    left = hints_left.setdefault(exercise, iter(HINTS[exercise]))
    return f" Hint: {next(left, 'open the answer below, and compare it with yours line by line')}."


def untouched(answer: object) -> bool:
    return answer is None or answer is ...


def call(function: Callable, *arguments: object) -> object:
    """Call the learner's function.

    Raises:
        NotTried: it returns `...`, as a stub does.
        Wrong: it is not a function, or returns None.
    """
    if not callable(function):
        raise Wrong(f"expected a function, got {type(function).__name__}.")
    # Copies, so that an answer that works in place changes nothing of what it is compared with.
    result = function(*(a.clone() if isinstance(a, torch.Tensor) else a for a in arguments))
    if result is ...:
        raise NotTried
    if result is None:
        raise Wrong("your function gave nothing back. Hint: `return` the result.")
    return result


def number(value: object) -> float:
    """A Python, numpy or torch number."""
    try:
        if isinstance(value, str):
            raise TypeError
        return float(value.detach() if isinstance(value, torch.Tensor) else value)
    except (TypeError, ValueError):
        raise Wrong(f"expected one number, got {type(value).__name__} {value!r:.60}.") from None


def pair(value: object) -> tuple[float, float]:
    try:
        first, second = value
    except (TypeError, ValueError):
        raise Wrong(f"expected two numbers, got {value!r:.60}.") from None
    if untouched(first) or untouched(second):
        raise NotTried
    return number(first), number(second)


def choices(answer: object, names: Sequence[str]) -> dict[str, float]:
    """A number for each name, from a dict or a sequence in the same order."""
    if isinstance(answer, dict):
        if missing := [name for name in names if name not in answer]:
            raise Wrong(
                f"expected an answer for each of {', '.join(names)}; {missing[0]} is missing."
            )
        answer = [answer[name] for name in names]
    try:
        values = list(answer)
        if isinstance(answer, str) or len(values) != len(names):
            raise TypeError
    except TypeError:
        raise Wrong(f"expected {len(names)} numbers, got {answer!r:.60}.") from None
    if all(map(untouched, values)):
        raise NotTried
    for name, value in zip(names, values, strict=True):
        if untouched(value):
            raise Wrong(f"{name}: no answer yet.")
    return {name: number(value) for name, value in zip(names, values, strict=True)}


def compare(
    got: object,
    expected: torch.Tensor,
    mistakes: dict[str, torch.Tensor],
    tolerance: float = 1e-3,
) -> None:
    """Raise `Wrong` unless an answer matches the expected values.

    Args:
        got: the answer, of the shape of `expected`.
        expected: the right values.
        mistakes: hint -> what that mistake gives; used if the answer matches it.
        tolerance: absolute; the relative one is 1e-4.
    """
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
    number = where[0] if len(where) == 1 else where
    place = f" for number {number} of the answer, counted from 0" if where else ""
    pair = next(
        texts
        for digits in (4, 8, 17)
        if len(set(texts := [f"{v:.{digits}g}" for v in (expected[where], got[where])])) == 2
        or digits == 17
    )
    raise Wrong(f"expected {pair[0]}, got {pair[1]}{place}.{hint}")

"""Checks of lesson 6, color as classification."""

import json
from collections.abc import Callable

import torch

from course_utils.bins import AB_BINS, class_weights, nearest_bin, soft_encode
from course_utils.checks.framework import NotTried, Wrong, call, check, compare, pair, untouched
from course_utils.colorize import WEIGHTS
from course_utils.photos import photo_to_lab, sample_photo

RED, BLUE = (60.0, 40.0), (10.0, -50.0)
TO_RANK = ("coffee", "motorcycle", "rocket")


@check("Soft-encode a color")
def soft_encoded(answer: Callable) -> None:
    """A function from a color (2,) and the bins (313, 2) to 313 weights: 5 nearest, sigma 5."""
    for color in ((13.0, -4.0), (57.0, 38.0)):
        ab = torch.tensor(color)
        answered = call(answer, ab, AB_BINS)
        if getattr(answered, "shape", None) == (5,):
            raise Wrong("expected 313 weights, got the five. Hint: put them among 308 zeros.")
        got = _numbers(answered, 313, f"the color {color}")
        squared = (AB_BINS - ab).double().square().sum(dim=1)
        near, nearest = _among(squared, 5), _among(squared, 1)
        gauss = torch.exp(-squared / 50)
        far = torch.zeros(313).index_fill(0, squared.topk(5).indices, 1.0)
        if torch.allclose(got, far * torch.exp(-squared.sqrt() / 50) / 5, rtol=1e-3):
            raise NotTried  # the untouched template of the exercise
        if got.isnan().all() or not (got * (1 - far)).any():
            raise Wrong("the farthest five share it. Hint: topk takes the largest; largest=False.")
        if abs(got.sum() - 1) > 1e-3:
            raise Wrong(
                f"the weights sum to {got.sum():.3g}. Hint: divide by the sum of the five, so that "
                "they add up to 1."
            )
        inverse = near / squared.sqrt().clamp(min=1e-6)
        mistakes = {
            "only the 5 nearest bins share a color": gauss / gauss.sum(),
            "exp(-distance² / (2 sigma²)): the 2 is missing": _share(near * gauss.square()),
            "square the distance": _share(near * torch.exp(-squared.sqrt() / 50)),
            "sigma is squared too: exp(-distance² / (2 sigma²))": _share(
                near * torch.exp(-squared / 10)
            ),
            "5 bins share a color, not 10": _share(_among(squared, 10) * gauss),
            "5 bins share a color, not 4": _share(_among(squared, 4) * gauss),
            "the nearest weighs most: a minus is missing": _share(near * torch.exp(squared / 50)),
            "weigh the five by a Gaussian of their distance": near / 5,
            "that is one bin alone; its neighbors get a share": nearest,
            "a Gaussian, not 1 / distance": _share(inverse),
        }
        compare(got, soft_encode(ab.reshape(1, 2, 1, 1)).flatten(), mistakes, tolerance=1e-4)


@check("Annealed mean")
def annealed_mean(answer: Callable) -> None:
    """A function (probabilities (313,), bins (313, 2), T) -> the color (2,)."""
    chance = torch.full((313,), 0.1 / 311)
    chance[:100], chance[100:200] = 0, 0.2 / 311  # some are impossible
    bins = AB_BINS.tolist()
    red, blue = bins.index(list(RED)), bins.index(list(BLUE))
    chance[red], chance[blue] = 0.5, 0.4
    chance = _share(chance)
    for T in (1.0, 0.38, 0.05, 0.0005):
        got = _numbers(call(answer, chance, AB_BINS, T), 2, f"T = {T}")
        if not got.isfinite().all():
            raise Wrong(
                f"for T = {T} the color is not a number. Hint: every power is 0, and 0 / 0 has no "
                "value; divide the probabilities by the largest one first, or use their logarithms."
            )
        sharp = torch.softmax(chance.double().log() / T, dim=0)
        compare(
            got,
            sharp @ AB_BINS.double(),
            {
                "after the power they no longer sum to 1: divide by their sum": (
                    chance.double() ** (1 / T) @ AB_BINS.double()
                ),
                "T divides the logarithm: p ** (1 / T), not p ** T": _share(chance.double() ** T)
                @ AB_BINS.double(),
                "these are probabilities, not logits: take their logarithm first": (
                    torch.softmax(chance.double() / T, 0) @ AB_BINS.double()
                ),
                "T has no effect: sharpen before the mean": chance.double() @ AB_BINS.double(),
                "that is the most likely bin, T -> 0; take the mean": AB_BINS[chance.argmax()],
                "a and b are exchanged": (sharp @ AB_BINS.double()).flip(0),
            },
        )


@check("Whose pixels count most")
def counts_most(answer: object) -> None:
    """Three samples, by the mean class weight of their pixels, the largest first."""
    try:
        got = [each if untouched(each) else str(each).strip().lower() for each in answer]
    except TypeError:
        raise Wrong(f"expected a list of names, got {type(answer).__name__}.") from None
    if got and all(map(untouched, got)):
        raise NotTried
    if sorted(map(str, got)) != sorted(TO_RANK):
        raise Wrong(f"expected each of {', '.join(TO_RANK)} once, got {answer!r:.60}.")
    weight = {name: _mean_weight(name) for name in TO_RANK}
    right = sorted(weight, key=weight.get, reverse=True)
    if got == right:
        return
    if got == right[::-1]:
        hint = "this is the order of how usual they are; the rarest colors weigh most"
    elif got[0] != "coffee":
        hint = "which of them has colors that no landscape has?"
    else:
        hint = "vivid is not rare: which of the two has the colors of a sky?"
    said = ", ".join(f"{name} {weight[name]:.1f}" for name in got)
    raise Wrong(f"in your order the mean weights are {said}. Hint: {hint}.")


def _mean_weight(name: str) -> float:
    """Mean weight of a sample's pixels, by the prior of the landscapes."""
    prior = torch.tensor(json.loads((WEIGHTS / "heads.json").read_text("utf-8"))["prior"])
    lab = photo_to_lab(sample_photo(name).resize((64, 64)))
    return class_weights(prior)[nearest_bin(lab[None, 1:])].mean().item()


@check("Why T -> 0 is patchy")
def patchy(answer: object) -> None:
    """Two distances in ab between the colors of two similar pixels: at T = 1, and for T -> 0."""
    one, zero = pair(answer)
    red, blue = torch.tensor(RED), torch.tensor(BLUE)
    far = torch.dist(red, blue).item()
    near = 0.02 * far
    if abs(one - near) < 0.1 and abs(zero - far) < 0.5:
        return
    hints = (
        (one, far, "at T = 1 each pixel has the mean of both colors; how far are the means apart?"),
        (zero, 0.0, "for T -> 0 each pixel takes its likelier color, and these differ"),
        (one, near**2, "take the root: a distance, not its square"),
        (one, 0.51 * far, "both pixels have a mean; subtract one from the other"),
        (zero, near, "for T -> 0 each pixel takes its likelier color, no mean"),
    )
    hint = next((h for got, slip, h in hints if abs(got - slip) < 0.01 * far), "")
    if abs(one - far) < 0.5 and abs(zero - near) < 0.05:
        hint = "the pair is exchanged"
    raise Wrong(
        f"expected two distances, got {one:.4g} and {zero:.4g}."
        + (f" Hint: {hint}." if hint else " Hint: torch.dist(red, blue) is the larger one.")
    )


def _among(squared: torch.Tensor, count: int) -> torch.Tensor:
    """1 for so many nearest bins."""
    return torch.zeros(313).index_fill(0, squared.topk(count, largest=False).indices, 1.0)


def _share(values: torch.Tensor) -> torch.Tensor:
    return values / values.sum()


def _numbers(value: object, count: int, case: str) -> torch.Tensor:
    """The answer as that many numbers."""
    try:
        got = torch.as_tensor(value).detach().double()
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"expected {count} numbers for {case}, got {type(value).__name__}.") from None
    if got.shape != (count,):
        raise Wrong(f"expected shape ({count},) for {case}, got {tuple(got.shape)}.")
    return got

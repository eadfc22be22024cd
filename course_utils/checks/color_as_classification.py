"""Checks of lesson 6, color as classification."""

from collections.abc import Callable

import torch

from course_utils.bins import AB_BINS, class_weights, soft_encode
from course_utils.checks.framework import Wrong, call, check, compare, pair

RED, BLUE = (60.0, 40.0), (10.0, -50.0)


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
        if got.isnan().all():
            raise Wrong("the weights are all NaN. Hint: topk takes the largest; largest=False.")
        near, nearest = _among(squared, 5), _among(squared, 1)
        gauss = torch.exp(-squared / 50)
        far = torch.zeros(313).index_fill(0, squared.topk(5).indices, 1.0)
        inverse = near / squared.sqrt().clamp(min=1e-6)
        mistakes = {
            "only the 5 nearest bins share a color": gauss / gauss.sum(),
            "divide by the sum of the five, so that they add up to 1": near * gauss,
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
            "topk takes the largest unless it is told largest=False": _share(far * gauss),
            "a Gaussian, not 1 / distance": _share(inverse),
        }
        compare(got, soft_encode(ab.reshape(1, 2, 1, 1)).flatten(), mistakes, tolerance=1e-4)


@check("Annealed mean")
def annealed_mean(answer: Callable) -> None:
    """A function (probabilities (313,), bins (313, 2), T) -> the color (2,)."""
    chance = torch.full((313,), 0.1 / 311)
    bins = AB_BINS.tolist()
    red, blue = bins.index(list(RED)), bins.index(list(BLUE))
    chance[red], chance[blue] = 0.5, 0.4
    for T in (1.0, 0.38, 0.05):
        got = _numbers(call(answer, chance, AB_BINS, T), 2, f"T = {T}")
        sharp = _share(chance.double() ** (1 / T))
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


@check("Class weights")
def rebalancing(answer: Callable) -> None:
    """A function (prior (Q,), uniform) -> weights (Q,) whose mean under the prior is 1."""
    prior = torch.zeros(313)
    prior[:4] = torch.tensor([0.7, 0.2, 0.09, 0.01])
    for uniform in (0.5, 0.1):
        got = _numbers(call(answer, prior, uniform), 313, f"uniform = {uniform}")
        if not got.isfinite().all():
            raise Wrong(
                "a bin that never occurs has an infinite weight. Hint: mix the uniform "
                "distribution in before you invert."
            )
        mixed = (1 - uniform) * prior + uniform / 313
        swapped = uniform * prior + (1 - uniform) / 313
        mistakes = {
            "scale them so that (prior * weights).sum() is 1": 1 / mixed,
            "that makes the weights themselves sum to 1; it is (prior * weights).sum()": _share(
                1 / mixed
            ),
            "that is their plain mean; weigh it by the prior": (1 / mixed) / (1 / mixed).mean(),
            "rare bins should weigh more: invert": mixed / (prior * mixed).sum(),
            "uniform is the share of 1 / Q, (1 - uniform) that of the prior": (1 / swapped)
            / (prior / swapped).sum(),
        }
        if uniform != 0.5:
            compare(got, class_weights(prior, uniform), mistakes)
        else:
            mistakes.popitem()  # at one half there is nothing to swap
            compare(got, class_weights(prior, uniform), mistakes)


@check("Why T -> 0 is patchy")
def patchy(answer: object) -> None:
    """Two distances in ab: between the answers for two alike pixels, at T = 1 and for T -> 0."""
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

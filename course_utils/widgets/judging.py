"""The widgets of lesson 1 that ask the reader to judge before they answer."""

from functools import lru_cache
from itertools import permutations, product

import ipywidgets
import numpy as np
import torch
from PIL import Image, ImageDraw
from torch.nn import functional as F

from course_utils.color import delta_e, rgb_to_lab
from course_utils.widgets.explorer import Explorer, Guess, photo_choice
from course_utils.widgets.pictures import flat, paper, photo_lab, side_by_side, write

SIDES = ("left", "right")
RGB_STEP = 60  # counts between the two colors of a pair


def color_resolution(size: int = 256) -> Explorer:
    """How few numbers a and b need while L keeps all of its own; and whether you can tell."""

    def render(
        photo: str, every: int, coarse: str, drawn: str, guess: tuple[str, ...]
    ) -> tuple[Image.Image, str]:
        lab = photo_lab(photo, size, square=True)
        reduced = lab.clone()
        channels = slice(1, 3) if coarse == "a and b" else slice(0, 1)
        reduced[channels] = _coarsen(lab[channels], every, drawn)
        versions = {"the original": lab, f"{coarse} at 1/{every}": reduced}
        side = _original_side(len(guess))
        if side == "right":
            versions = dict(reversed(versions.items()))
        if guess[-1:] == ("",):
            words = "Which is the original? Press left or right."
            return side_by_side(dict(zip(SIDES, versions.values(), strict=True))), words
        distance = delta_e(lab, reduced, "CIE76")
        words = (
            f"Of {coarse}, 1 of {every**2} numbers is left. Difference in Lab: mean "
            f"{distance.mean():.1f}, at most {distance.max():.0f}."
        )
        if every == 1:
            words = f"Nothing is left out: both are the original. {words}"
        elif guess:
            found = sum(given == _original_side(n) for n, given in enumerate(guess, start=1))
            verdict = "Right" if guess[-1] == side else "No"
            words = f"{verdict}: the original is {side}. Found {found} of {len(guess)}. {words}"
        return side_by_side(versions | {"ab alone, at one L": flat(reduced)}), words

    return Explorer(
        render,
        photo=photo_choice("photo"),
        every=ipywidgets.SelectionSlider(
            options=[1, 2, 4, 8, 16, 32],
            value=4,
            description="1 number every",
            continuous_update=False,
        ),
        coarse=ipywidgets.Dropdown(options=["a and b", "L"], description="coarse"),
        drawn=ipywidgets.Dropdown(options=["blurred", "in blocks"], description="drawn"),
        guess=Guess("Which is the original?", SIDES),
    )


def color_distance() -> Explorer:
    """Two pairs of colors, equally far apart in RGB: the reader judges, then the formulas."""

    def render(guess: tuple[str, ...]) -> tuple[Image.Image, str]:
        pairs, differences = _two_pairs(max(1, len(guess)))
        judged = bool(guess) and guess[-1] != ""
        canvas = paper(640, 186)
        draw = ImageDraw.Draw(canvas)
        for side, pair, numbers, x in zip(SIDES, pairs, differences, (0, 330), strict=True):
            write(canvas, (x, 2), f"{side} pair, {RGB_STEP} apart in RGB")
            for half, color in enumerate(pair):
                corner = x + 150 * half
                draw.rectangle((corner, 24, corner + 149, 133), fill=tuple(color))
                write(canvas, (corner, 138), "R {} G {} B {}".format(*color))
            if judged:
                text = "CIE76 {:.0f}     CIEDE2000 {:.0f}".format(*numbers)
                write(canvas, (x, 162), text)
        if not guess:
            return canvas, "Press the button, judge, and then see what the formulas say."
        if not judged:
            return canvas, "In which pair do the two colors differ more? Press left or right."
        agreed = [0, 0]
        for number, given in enumerate(guess, start=1):
            for formula, (left, right) in enumerate(zip(*_two_pairs(number)[1], strict=True)):
                agreed[formula] += given == SIDES[right > left]
        (left76, left2000), (right76, right2000) = differences
        return canvas, (
            f"You say {guess[-1]}. CIE76: {left76:.0f} left, {right76:.0f} right. CIEDE2000: "
            f"{left2000:.0f} left, {right2000:.0f} right. Rounds so far: {len(guess)}; CIE76 "
            f"agreed with you in {agreed[0]}, CIEDE2000 in {agreed[1]}."
        )

    return Explorer(render, guess=Guess("Which pair differs more?", SIDES))


def _coarsen(planes: torch.Tensor, every: int, drawn: str) -> torch.Tensor:
    """The mean of every block of so many pixels, drawn as blocks or smoothly between them."""
    small = F.avg_pool2d(planes[None], every)
    mode = "nearest" if drawn == "in blocks" else "bilinear"
    return F.interpolate(small, planes.shape[-2:], mode=mode)[0]


def _original_side(number: int) -> str:
    """Where the original is in a round of guessing; on the left before the first."""
    return SIDES[np.random.default_rng(number).integers(2)] if number else "left"


@lru_cache
def _two_pairs(number: int) -> tuple[list, list]:
    """Two pairs of RGB colors (pair, color, channel), and their CIE76 and CIEDE2000 (pair, 2).

    In every second round the two formulas disagree about which pair differs more.
    """
    rng = np.random.default_rng(number)
    lengths = [(60, 0, 0), (48, 36, 0), (40, 40, 20)]  # all of them 60 long
    steps = {
        tuple(sign * part for sign, part in zip(signs, order, strict=True))
        for length in lengths
        for order in permutations(length)
        for signs in product((-1, 1), repeat=3)
    }
    first = rng.integers(0, 256, (400, 3))
    second = first + rng.choice(sorted(steps), 400)
    fits = ((second >= 0) & (second <= 255)).all(axis=1)
    rgb = np.stack((first[fits], second[fits]), axis=1)  # (n, 2, 3)
    lab = rgb_to_lab(torch.from_numpy(rgb.astype(np.uint8)).permute(1, 2, 0)[..., None])
    differences = torch.stack([delta_e(*lab, formula) for formula in ("CIE76", "CIEDE2000")])
    ratio = differences[:, :, 0].log().numpy()  # (2, n)
    ratio = ratio[:, :, None] - ratio[:, None, :]  # (2, n, n)
    clear = np.minimum(ratio[0], -ratio[1] if number % 2 == 0 else ratio[1])
    candidates = np.argwhere(clear > 0.7 * clear.max())
    chosen = rng.permutation(rng.choice(candidates))
    return rgb[chosen].tolist(), differences[:, chosen.tolist(), 0].T.tolist()

"""The widget of lesson 1 that asks the reader to judge before it answers."""

from functools import lru_cache
from itertools import permutations, product

import numpy as np
import torch
from PIL import Image, ImageDraw

from course_utils.color import delta_e, rgb_to_lab
from course_utils.widgets.explorer import Explorer, Guess
from course_utils.widgets.pictures import paper, write

SIDES = ("left", "right")
RGB_STEP = 60  # counts between the two colors of a pair


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

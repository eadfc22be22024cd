"""Checks of lesson 1, Lab color."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from course_utils import color
from course_utils.checks.framework import (
    NotTried,
    Wrong,
    call,
    check,
    choices,
    compare,
    number,
    pair,
    untouched,
)


@check("sRGB decoding")
def srgb_decode(answer: Callable) -> None:
    """A function from encoded sRGB in [0, 1] to linear light."""
    encoded = torch.tensor([0, 0.01, 0.03, 0.04, 0.05, 0.2, 0.5, 0.8, 1], dtype=torch.float64)
    linear, got = color.srgb_decode(encoded), call(answer, encoded)
    handed_out = torch.where(encoded > 0.04045, encoded / 12.92, (encoded + 0.055) / 1.055**2.4)
    if np.array_equal(got, handed_out):
        raise NotTried
    compare(
        got,
        linear,
        {
            "the values come back as they went in; the curve is missing": encoded,
            "mind the brackets: ((v + 0.055) / 1.055) ** 2.4, all of it to the power": torch.where(
                encoded > 0.04045, (encoded + 0.055) / 1.055**2.4, encoded / 12.92
            ),
            "the sum is divided, not 0.055 alone: (v + 0.055) / 1.055": torch.where(
                encoded > 0.04045, (encoded + 0.055 / 1.055) ** 2.4, encoded / 12.92
            ),
            "this is the power 1 / 2.4 of the way back; decoding takes 2.4": torch.where(
                encoded > 0.04045, ((encoded + 0.055) / 1.055) ** (1 / 2.4), encoded / 12.92
            ),
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


@check("What the straight piece is for")
def near_black(answer: object) -> None:
    """How far L rises when Y goes from 0 to 0.0001: with a pure cube root, and with f."""
    got = pair(answer)
    black, noise = torch.tensor([0.0, 0.0001], dtype=torch.float64)
    root = (116 * noise ** (1 / 3)).item()
    line = (116 * (color.lab_f(noise) - color.lab_f(black))).item()

    def is_near(right: tuple[float, float]) -> bool:
        return bool(np.allclose(got, right, rtol=0.03, atol=0))

    if is_near((root, line)):
        return
    slips = {
        "the pair is exchanged: the pure cube root comes first": (line, root),
        "f is not L yet: L = 116 f(Y) - 16": (root / 116, line / 116),
        "how far L *rises*: the -16 is there before and after": (root - 16, line),
        "how far f rises from its value at 0, which is 16/116": (root, line + 16),
        "a pure cube root of 0.0001 is not a third of it": (116 * noise.item() / 3, line),
        "Y = 0.0001 is dark: there f is the straight line": (root, root),
        "the square root is not the cube root": (116 * noise.item() ** 0.5, line),
    }
    hint = next((f" Hint: {hint}." for hint, slip in slips.items() if is_near(slip)), "")
    raise Wrong(f"L does not rise by {got[0]:.4g} and {got[1]:.4g}.{hint}")


def _lab(
    rgb: torch.Tensor,
    *,
    decode: Callable = color.srgb_decode,
    f: Callable = color.lab_f,
    matrix: np.ndarray = color.SRGB_TO_XYZ,
    white: Sequence[float] = tuple(color.WHITE_D65),
) -> torch.Tensor:
    """The conversion with one step exchanged for a mistake. (3, H, W) float64."""
    xyz = torch.einsum("ij,jhw->ihw", torch.from_numpy(np.array(matrix)), decode(rgb))
    fx, fy, fz = f(xyz / torch.tensor(white, dtype=torch.float64).reshape(3, 1, 1))
    return torch.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)))


@check("RGB to Lab")
def rgb_to_lab(answer: Callable) -> None:
    """A function from float RGB (3, H, W) in [0, 1] to Lab of the same shape."""
    colors = [(255, 140, 0), (20, 60, 180), (4, 9, 2), (90, 200, 120), (128, 128, 128)]
    rgb = torch.tensor(colors, dtype=torch.float64).T.reshape(3, 5, 1) / 255
    lab = color.rgb_to_lab(rgb)
    L, a, b = lab
    luma = 100 * torch.tensordot(torch.tensor([0.299, 0.587, 0.114]).double(), rgb, dims=1)
    got = call(answer, rgb)
    if np.shape(got) == (3, 5, 3):
        raise Wrong(
            "expected shape (3, 5, 1), got (3, 5, 3). Hint: white.reshape(3, 1, 1) divides channel "
            "by channel."
        )
    compare(
        got,
        lab,
        {
            "step 1 is missing: decode sRGB before mixing the lights": _lab(
                rgb, decode=lambda v: v
            ),
            "the power 2.2 is not sRGB's curve; take your answer to exercise 1": _lab(
                rgb, decode=lambda v: v**2.2
            ),
            "near black f is a straight line; take color.lab_f": _lab(
                rgb, f=lambda t: t ** (1 / 3)
            ),
            "a and b are swapped: a = 500 (f(X) - f(Y)), b = 200 (f(Y) - f(Z))": torch.stack(
                (L, b, a)
            ),
            "the white is not D65: divide X, Y, Z by color.WHITE_D65": _lab(
                rgb, white=(0.96422, 1.0, 0.82521)
            ),
            "XYZ must be divided by white, color.WHITE_D65, before f": _lab(rgb, white=(1, 1, 1)),
            "the channels are read as B, G, R (so does OpenCV); here R comes first": _lab(
                rgb.flip(0)
            ),
            "L is not luma: L = 116 f(Y) - 16, with Y from linear light": torch.stack((luma, a, b)),
            "L lacks its - 16": torch.stack((L + 16, a, b)),
            "a and b have the wrong sign": torch.stack((L, -a, -b)),
            "a has the wrong sign: 500 (f(X) - f(Y))": torch.stack((L, -a, b)),
            "b has the wrong sign: 200 (f(Y) - f(Z))": torch.stack((L, a, -b)),
            "500 and 200 are exchanged": torch.stack((L, a * 200 / 500, b * 500 / 200)),
            "nothing is divided: L runs from 0 to 100, a and b to about ±110": torch.stack(
                (L / 100, a / 110, b / 110)
            ),
            "rgb comes in [0, 1] already: do not multiply by 255": _lab(rgb * 255),
            "L runs from 0 to 100, a and b with it; nothing is divided by 100 or 110": lab / 100,
            "the matrix is transposed: XYZ = color.SRGB_TO_XYZ @ linear": _lab(
                rgb, matrix=color.SRGB_TO_XYZ.T
            ),
            "step 3 is missing: f compresses X, Y and Z": _lab(rgb, f=lambda t: t),
            "rgb comes in [0, 1] already: do not divide by 255 again": _lab(rgb / 255),
        },
        tolerance=0.01,
    )


@check("Hue and chroma")
def hue_and_chroma(answer: Callable) -> None:
    """A function from a and b to (hue in degrees in 0..360, chroma)."""
    a = torch.tensor([10.0, 0.0, -20.0, 3.0], dtype=torch.float64)
    b = torch.tensor([0.0, 30.0, 0.0, -4.0], dtype=torch.float64)
    hue, chroma = torch.rad2deg(torch.atan2(b, a)) % 360, torch.hypot(a, b)
    got = [[number(part) for part in pair(call(answer, x, y))] for x, y in zip(a, b, strict=True)]
    handed_out = torch.stack((torch.rad2deg(torch.atan(b / a)), chroma), dim=1)
    if np.allclose(got, handed_out):
        raise NotTried
    swapped = torch.rad2deg(torch.atan2(a, b)) % 360
    compare(
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
            "** 1 / 2 halves; write ** 0.5": torch.stack((hue, chroma**2 / 2), dim=1),
            "the hue is in radians; turn it into degrees before % 360": torch.stack(
                (torch.atan2(b, a) % (2 * torch.pi), chroma), dim=1
            ),
        },
    )


@check("Look-alikes")
def lookalikes(answer: Sequence) -> None:
    """Two colors that CIE76 calls different, and the eye does not."""
    first, second = map(lab_color, pair_of_colors(answer))
    for lab in (first, second):
        if not color.in_gamut(lab, tolerance=0.01):
            raise Wrong(
                f"expected two colors that a screen can show, got {spoken(lab)}, which is "
                "clipped. Hint: stay on the colored part of the plane."
            )
    cie76 = color.delta_e(first, second, "CIE76").item()
    ciede2000 = color.delta_e(first, second, "CIEDE2000").item()
    if cie76 < 9.5:
        raise Wrong(
            f"expected at least 10 apart by CIE76, got {cie76:.1f}. Hint: keep one, and move away "
            "from it along the line to the middle."
        )
    if ciede2000 > 3:
        raise Wrong(
            f"{cie76:.1f} apart by CIE76, but by CIEDE2000 {ciede2000:.1f}: most eyes see that. "
            "Hint: start from a stronger color, such as the strongest blue at L 32."
        )


@check("One L, two colors")
def same_lightness(answer: Sequence) -> None:
    """Two pixels of one L and of different colors, which a network cannot tell apart by L."""
    first, second = map(lab_color, pair_of_colors(answer))
    (L, *ab), (other_L, *other_ab) = first.flatten().tolist(), second.flatten().tolist()
    if abs(L - other_L) > 1:
        raise Wrong(
            f"expected an L at most 1 apart, got {L:.1f} and {other_L:.1f}. Hint: press one pixel, "
            "and the last sentence compares what you point at with it."
        )
    apart = np.hypot(*np.subtract(ab, other_ab))
    if apart < 60:
        raise Wrong(
            f"expected a and b at least 60 apart, got {apart:.1f}. Hint: try the astronaut's suit "
            "and the round patch on it."
        )


def pair_of_colors(answer: object) -> tuple[object, object]:
    try:
        first, second = answer
    except (TypeError, ValueError):
        raise Wrong(f"expected two colors, got {answer!r:.60}.") from None
    if any(untouched(each) or (isinstance(each, list | dict) and not each) for each in answer):
        raise Wrong(
            "expected two colors, got one. Hint: the widget has to keep one before you go to the "
            "other."
        )
    return first, second


def lab_color(answer: object) -> torch.Tensor:
    """L, a and b in a row, or under their names, as a color (3, 1, 1)."""
    if isinstance(answer, Mapping):
        answer = [answer.get(name) for name in "Lab"]
    return torch.tensor(list(choices(answer, "Lab").values()), dtype=torch.float64).reshape(3, 1, 1)


def spoken(lab: torch.Tensor) -> str:
    return "L {:.0f}, a {:.0f}, b {:.0f}".format(*lab.flatten().tolist())

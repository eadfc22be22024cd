"""Checks of lesson 1, Lab color."""

from collections.abc import Callable

import torch

from course_utils import color
from course_utils.checks.framework import call, check, compare, number, pair


@check("sRGB decoding")
def srgb_decode(answer: Callable) -> None:
    """A function from encoded sRGB in [0, 1] to linear light."""
    encoded = torch.tensor([0, 0.01, 0.03, 0.04, 0.05, 0.2, 0.5, 0.8, 1], dtype=torch.float64)
    linear = color.srgb_decode(encoded)
    compare(
        call(answer, encoded),
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


@check("Hue and chroma")
def hue_and_chroma(answer: Callable) -> None:
    """A function from a and b to (hue in degrees in 0..360, chroma)."""
    a = torch.tensor([10.0, 0.0, -20.0, 3.0], dtype=torch.float64)
    b = torch.tensor([0.0, 30.0, 0.0, -4.0], dtype=torch.float64)
    hue, chroma = torch.rad2deg(torch.atan2(b, a)) % 360, torch.hypot(a, b)
    got = [[number(part) for part in pair(call(answer, x, y))] for x, y in zip(a, b, strict=True)]
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
            "the hue is in radians; turn it into degrees before % 360": torch.stack(
                (torch.atan2(b, a) % (2 * torch.pi), chroma), dim=1
            ),
        },
    )

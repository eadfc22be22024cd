"""sRGB and CIE Lab: the color conversion that the course builds on. Lesson 1.

Lab splits a color into lightness L, which a black-and-white photo already has, and two
opponent axes: a (green to red) and b (blue to yellow), which the network must guess.

    8-bit sRGB -> [0, 1] -> linear light -> XYZ relative to white -> cube root -> L, a, b

Tensors are (..., 3, H, W). L runs from 0 to 100; inside the sRGB gamut a runs from about
-86 to 98 and b from about -108 to 94. White is D65 seen by the 2 degree observer.
Sources: IEC 61966-2-1 (sRGB); CIE 15 (Lab). The constants are those of scikit-image, so
that its results and ours can be compared number by number.
"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from course_utils.plumbing.arguments import check_range

SRGB_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
WHITE_D65 = np.array([0.95047, 1.0, 1.08883])
LINEAR_TO_XYZ = torch.from_numpy(SRGB_TO_XYZ / WHITE_D65[:, None])  # white has X = Y = Z = 1
XYZ_TO_LINEAR = LINEAR_TO_XYZ.inverse()

# Each curve is linear near black, where the slope of a root would be infinite.
SRGB_JOIN_ENCODED, SRGB_JOIN_LINEAR, SRGB_SLOPE = 0.04045, 0.0031308, 12.92
LAB_JOIN_T, LAB_JOIN_F, LAB_SLOPE, LAB_OFFSET = 0.008856, 0.2068966, 7.787, 16 / 116


def srgb_decode(rgb: Tensor) -> Tensor:
    """Convert encoded sRGB in [0, 1] to linear light in [0, 1], any shape."""
    power = ((rgb.clamp(min=SRGB_JOIN_ENCODED) + 0.055) / 1.055) ** 2.4
    return torch.where(rgb > SRGB_JOIN_ENCODED, power, rgb / SRGB_SLOPE)


def srgb_encode(linear: Tensor) -> Tensor:
    """Convert linear light to encoded sRGB, any shape; the inverse of `srgb_decode`."""
    power = 1.055 * linear.clamp(min=SRGB_JOIN_LINEAR) ** (1 / 2.4) - 0.055
    return torch.where(linear > SRGB_JOIN_LINEAR, power, linear * SRGB_SLOPE)


def lab_f(t: Tensor) -> Tensor:
    """CIE's compression of XYZ / white: a cube root, made linear near black. Any shape."""
    root = t.clamp(min=LAB_JOIN_T) ** (1 / 3)
    return torch.where(t > LAB_JOIN_T, root, LAB_SLOPE * t + LAB_OFFSET)


def lab_f_inverse(f: Tensor) -> Tensor:
    """The inverse of `lab_f`: a cube, made linear near black. Any shape."""
    return torch.where(f > LAB_JOIN_F, f**3, (f - LAB_OFFSET) / LAB_SLOPE)


def linear_to_xyz(linear: Tensor) -> Tensor:
    """Linear sRGB (..., 3, H, W) to CIE XYZ relative to white, which has X = Y = Z = 1."""
    return _mix(LINEAR_TO_XYZ, linear)


def xyz_to_linear(xyz: Tensor) -> Tensor:
    """The inverse of `linear_to_xyz`."""
    return _mix(XYZ_TO_LINEAR, xyz)


def linear_to_lab(linear: Tensor) -> Tensor:
    """Linear sRGB (..., 3, H, W) in [0, 1] to Lab: the formula alone, with nothing checked."""
    fx, fy, fz = lab_f(linear_to_xyz(linear)).unbind(-3)  # each (..., H, W)
    L = 116 * fy - 16
    a = 500 * (fx - fy)
    b = 200 * (fy - fz)
    return torch.stack((L, a, b), dim=-3)


def lab_to_linear(lab: Tensor) -> Tensor:
    """Lab (..., 3, H, W) to linear sRGB, not clipped: outside [0, 1] is outside the gamut."""
    L, a, b = lab.unbind(-3)
    fy = (L + 16) / 116
    fx = fy + a / 500
    fz = (fy - b / 200).clamp(min=0)  # as in scikit-image: no negative Z
    return xyz_to_linear(lab_f_inverse(torch.stack((fx, fy, fz), dim=-3)))


def _mix(matrix: Tensor, planes: Tensor) -> Tensor:
    """Multiply the channels of (..., 3, H, W) by a 3x3 matrix, term by term: autocast or TF32 would
    compute a matrix product in low precision."""
    columns = matrix.to(planes).T[..., None, None]  # 3 of (3, 1, 1)
    terms = zip(columns, planes.unsqueeze(-4).unbind(-3), strict=True)
    return sum(column * plane for column, plane in terms)


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB to CIE Lab.

    Floats use the formulas above; uint8 on the CPU uses a faster equivalent, `plumbing.fast_lab`.

    Args:
        rgb: (..., 3, H, W), uint8 in 0..255, or float32 / float64 in [0, 1]; any device.
    Returns:
        (..., 3, H, W) Lab on the same device: float64 for float64, else float32.
        Differentiable for floats. For uint8, within 2e-4 of the formulas in float64.
    Raises:
        TypeError, ValueError: a wrong type, shape or range, with what was expected.

    >>> red = torch.tensor([255, 0, 0], dtype=torch.uint8).reshape(3, 1, 1)
    >>> [round(v, 2) for v in rgb_to_lab(red).flatten().tolist()]
    [53.24, 80.09, 67.2]
    """
    _check_channels(rgb, "rgb")
    if rgb.dtype == torch.uint8:
        if fast_lab.serves(rgb):
            return fast_lab.rgb_to_lab(rgb)
        return linear_to_lab(srgb_decode(rgb.float() / 255))
    _check_float(rgb, "rgb", "uint8 in 0..255")
    _check_range(rgb, 0.0, 1.0, "rgb as float", "divide by 255, or pass uint8")
    return fast_lab.formula_in_slabs(lambda part: linear_to_lab(srgb_decode(part)), rgb)


def rgb_to_lightness(rgb: Tensor) -> Tensor:
    """Compute only L, much faster than `rgb_to_lab` for uint8 on the CPU.

    Args:
        rgb: as for `rgb_to_lab`.
    Returns:
        (..., 1, H, W) L in 0..100, with the type and device of `rgb_to_lab`.
    Raises:
        TypeError, ValueError: see `rgb_to_lab`.
    """
    if isinstance(rgb, Tensor) and rgb.dtype == torch.uint8 and fast_lab.serves(rgb):
        _check_channels(rgb, "rgb")
        return fast_lab.rgb_to_lightness(rgb)
    return rgb_to_lab(rgb)[..., :1, :, :]


def fit_gamut(lab: Tensor) -> Tensor:
    """Reduce the chroma of out-of-gamut colors until they fit; L and hue do not change.

    Clipping RGB, as `lab_to_rgb` does, would change L.

    Args:
        lab: (..., 3, H, W) float, L in 0..100.
    Returns:
        The same shape; colors inside the gamut are unchanged.
    """
    shown = in_gamut(lab).unsqueeze(-3)  # (..., 1, H, W)
    L, ab = lab.split((1, 2), dim=-3)
    keep, part = torch.zeros_like(L), 1.0  # how much of its chroma a color keeps
    for _ in range(fast_lab.HALVINGS):
        part /= 2
        paler = torch.cat((L, (keep + part) * ab), dim=-3)
        keep = keep + part * in_gamut(paler).unsqueeze(-3)
    return torch.where(shown, lab, torch.cat((L, keep * ab), dim=-3))


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert CIE Lab to sRGB in [0, 1]; colors outside the sRGB gamut are clipped.

    Args:
        lab: (..., 3, H, W) float32 or float64, L in 0..100; any device.
    Returns:
        (..., 3, H, W) of the same type and device, in [0, 1]. Differentiable.
    Raises:
        TypeError, ValueError: a wrong type, shape or range, with what was expected.
    """
    _check_lab(lab)
    return fast_lab.formula_in_slabs(lambda part: srgb_encode(lab_to_linear(part).clamp(0, 1)), lab)


def lab_to_uint8(lab: Tensor, fit: bool = False) -> Tensor:
    """Convert CIE Lab to 8-bit sRGB: `lab_to_rgb` times 255, rounded.

    Faster on the CPU, see `plumbing.fast_lab`.

    Args:
        lab: (..., 3, H, W) float32 or float64, L in 0..100; any device.
        fit: reduce the chroma of out-of-gamut colors, see `fit_gamut`, instead of clipping them.
    Returns:
        (..., 3, H, W) uint8 on the same device, within 0.53 of 255 times `lab_to_rgb`.
    Raises:
        TypeError, ValueError: a wrong type, shape or range, with what was expected.
    """
    _check_lab(lab)
    lab = lab.detach()
    if not fast_lab.serves(lab):
        return (lab_to_rgb(fit_gamut(lab) if fit else lab) * 255).round().to(torch.uint8)
    return fast_lab.lab_to_uint8(lab, fit)


def in_gamut(lab: Tensor, tolerance: float = 1e-4) -> Tensor:
    """Whether each color is inside the sRGB gamut: lab (..., 3, H, W) -> bool (..., H, W).

    `tolerance` is how far linear RGB may lie outside [0, 1].
    """
    _check_channels(lab, "lab")
    if not fast_lab.serves(lab):
        return fast_lab.is_shown(lab_to_linear(lab).movedim(-3, 0), tolerance)
    planes = lab.detach().movedim(-3, 0)  # (3, ..., H, W)
    shown = fast_lab.is_shown(fast_lab.lab_to_linear(planes.flatten(1).cpu().numpy()), tolerance)
    return torch.from_numpy(shown).reshape(planes.shape[1:])


def gamut(lightness: float, step: float = 1.0) -> tuple[Tensor, Tensor]:
    """The ab plane at one L, and which of its colors are inside the sRGB gamut.

    Args:
        lightness: L, 0 to 100.
        step: spacing of a and of b; must be 220 divided by an even number.
    Returns:
        Lab (3, N, N) with a from -110 (left) to 110 and b from 110 (top) to -110; bool (N, N).
    Raises:
        ValueError: an invalid L or step.
    """
    if not 0 <= lightness <= 100:
        raise ValueError(f"lightness: expected 0 to 100, got {lightness:g}")
    count = round(220 / step) if step > 0 else 0
    if count % 2 or not 0 < count < 10_000 or abs(count * step - 220) > 1e-6:
        raise ValueError(f"step: expected 220 divided by an even number, got {step:g}")
    line = torch.linspace(-110, 110, count + 1)
    b, a = torch.meshgrid(line.flip(0), line, indexing="ij")
    lab = torch.stack((torch.full_like(a, lightness), a, b))
    return lab, in_gamut(lab)


def delta_e(
    first: Tensor, second: Tensor, formula: Literal["CIE76", "CIEDE2000"] = "CIEDE2000"
) -> Tensor:
    """Perceived difference between colors.

    The smallest difference visible side by side is about 1 in CIEDE2000 and about 2 in CIE76.

    Args:
        first, second: Lab (..., 3, H, W), shapes that broadcast.
        formula: "CIE76", the Euclidean distance in Lab (what L2 measures), or "CIEDE2000", which
            corrects it for saturated colors, mostly blues (scikit-image's; not differentiable).
    Returns:
        (..., H, W), float64 if either is, on the device of `first`.
    Raises:
        TypeError, ValueError: a wrong type, shape or formula, with what was expected.
    """
    for lab, name in ((first, "first"), (second, "second")):
        _check_channels(lab, name)
        _check_float(lab, name)
    try:
        pair = torch.broadcast_tensors(first, second)
    except RuntimeError:
        raise ValueError(
            f"second: expected a shape like {tuple(first.shape)}, got {tuple(second.shape)}"
        ) from None
    if formula == "CIE76":
        return torch.linalg.vector_norm(first - second, dim=-3)
    if formula != "CIEDE2000":
        raise ValueError(f"formula: expected CIE76 or CIEDE2000, got {formula!r}")
    if fast_lab.is_recorded():
        raise ValueError("formula: expected CIE76, CIEDE2000 cannot be traced or exported")
    from skimage.color import deltaE_ciede2000

    arrays = [lab.detach().cpu().numpy() for lab in pair]
    difference = torch.from_numpy(deltaE_ciede2000(*arrays, channel_axis=-3))
    return difference.to(first.device, torch.result_type(first, second))


def _check_lab(lab: Tensor) -> None:
    _check_channels(lab, "lab")
    _check_float(lab, "lab")
    _check_range(lab[..., 0, :, :], 0.0, 100.0, "L", "L is in CIE units, not in [0, 1] or 0..255")
    _check_range(lab[..., 1:, :, :], -1e4, 1e4, "a and b", "they are in CIE units, about ±110")


def _check_channels(image: Tensor, name: str) -> None:
    if not isinstance(image, Tensor):
        raise TypeError(
            f"{name}: expected a torch tensor, got {type(image).__name__}; "
            "use torch.from_numpy(array).permute(2, 0, 1) for a picture from numpy"
        )
    if image.ndim < 3 or image.shape[-3] != 3:
        hint = "; put channels first with .permute(2, 0, 1)" if image.shape[-1:] == (3,) else ""
        raise ValueError(f"{name}: expected shape (..., 3, H, W), got {tuple(image.shape)}{hint}")


def _check_float(image: Tensor, name: str, otherwise: str = "") -> None:
    if image.dtype not in (torch.float32, torch.float64):
        types = ", ".join(filter(None, ("float32", "float64", otherwise)))
        raise TypeError(f"{name}: expected {types}, got {image.dtype}; use .float()")


def _check_range(values: Tensor, low: float, high: float, name: str, hint: str) -> None:
    if values.numel() == 0 or fast_lab.is_recorded():
        return
    least, most = (v.item() for v in values.detach().aminmax())
    check_range(name, least, most, low, high, hint)


# Imported last, because it needs the formulas above.
from course_utils.plumbing import fast_lab  # noqa: E402

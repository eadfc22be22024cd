"""sRGB and CIE Lab: the change of coordinates that the whole course stands on.

Lab splits a color into lightness L, which a black-and-white photo already has, and two
opponent axes: a (green to red) and b (blue to yellow), which the network must guess.

    8-bit sRGB -> [0, 1] -> linear light -> XYZ relative to white -> cube root -> L, a, b

Tensors are (..., 3, H, W). L runs from 0 to 100; inside the sRGB gamut a runs from about
-86 to 98 and b from about -108 to 94. White is D65 seen by the 2 degree observer.
Sources: IEC 61966-2-1 (sRGB); CIE 15 (Lab). The constants are those of scikit-image, so
that its results and ours can be compared number by number.
"""

from math import prod

import numpy as np
import torch
from torch import Tensor

SRGB_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
WHITE_D65 = np.array([0.95047, 1.0, 1.08883])

# The linear part of each curve, near black, where a pure power would have an endless slope.
SRGB_JOIN_ENCODED, SRGB_JOIN_LINEAR, SRGB_SLOPE = 0.04045, 0.0031308, 12.92
LAB_JOIN_T, LAB_JOIN_F, LAB_SLOPE, LAB_OFFSET = 0.008856, 0.2068966, 7.787, 16 / 116

# L = 116 f(Y) - 16, a = 500 (f(X) - f(Y)), b = 200 (f(Y) - f(Z)), as one matrix and one shift.
F_TO_LAB = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
LAB_SHIFT = np.array([-16.0, 0.0, 0.0])

LINEAR_TO_T = SRGB_TO_XYZ / WHITE_D65[:, None]
T_TO_LINEAR = np.linalg.inv(LINEAR_TO_T)

SLAB = 16_384  # pixels converted at a time on the CPU: three float32 planes fit in the L2 cache


def srgb_decode(rgb: Tensor) -> Tensor:
    """Encoded sRGB in [0, 1] to linear light in [0, 1], any shape."""
    power = ((rgb.clamp(min=SRGB_JOIN_ENCODED) + 0.055) / 1.055) ** 2.4
    return torch.where(rgb > SRGB_JOIN_ENCODED, power, rgb / SRGB_SLOPE)


def srgb_encode(linear: Tensor) -> Tensor:
    """Linear light to encoded sRGB, any shape; the inverse of `srgb_decode`."""
    power = 1.055 * linear.clamp(min=SRGB_JOIN_LINEAR) ** (1 / 2.4) - 0.055
    return torch.where(linear > SRGB_JOIN_LINEAR, power, linear * SRGB_SLOPE)


def lab_f(t: Tensor) -> Tensor:
    """CIE's compression of XYZ / white: a cube root, made linear near black. Any shape."""
    root = t.clamp(min=LAB_JOIN_T) ** (1 / 3)
    return torch.where(t > LAB_JOIN_T, root, LAB_SLOPE * t + LAB_OFFSET)


def lab_f_inverse(f: Tensor) -> Tensor:
    """The inverse of `lab_f`: a cube, made linear near black. Any shape."""
    return torch.where(f > LAB_JOIN_F, f**3, (f - LAB_OFFSET) / LAB_SLOPE)


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB to CIE Lab.

    Args:
        rgb: (..., 3, H, W), uint8 in 0..255, or float32 / float64 in [0, 1]; any device.
    Returns:
        (..., 3, H, W) Lab on the same device: float64 for float64, else float32. Floats can
        be differentiated through.
    Raises:
        TypeError, ValueError: a wrong type, shape or range, with what was expected.

    >>> red = torch.tensor([255, 0, 0], dtype=torch.uint8).reshape(3, 1, 1)
    >>> [round(v, 2) for v in rgb_to_lab(red).flatten().tolist()]
    [53.24, 80.09, 67.2]
    """
    _check_channels(rgb, "rgb")
    if rgb.dtype == torch.uint8:
        if rgb.device.type == "cpu":
            return torch.from_numpy(_lab_of_uint8(rgb.numpy()))
        linear = torch.from_numpy(DECODED_BYTES).to(rgb.device)[rgb.int()]
    else:
        _check_float(rgb, "rgb", "uint8 in 0..255")
        _check_range(rgb, 0.0, 1.0, "rgb as float", "divide by 255, or pass uint8")
        linear = srgb_decode(rgb)
    f = lab_f(_mix(LINEAR_TO_T, linear))
    return _mix(F_TO_LAB, f) + f.new_tensor(LAB_SHIFT).reshape(3, 1, 1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert CIE Lab to sRGB in [0, 1]; colors that a screen cannot show are clipped.

    Args:
        lab: (..., 3, H, W) float32 or float64, L in 0..100; any device.
    Returns:
        (..., 3, H, W) of the same type and device, in [0, 1].
    Raises:
        TypeError, ValueError: a wrong type, shape or range, with what was expected.
    """
    _check_channels(lab, "lab")
    _check_float(lab, "lab", "the output of rgb_to_lab")
    _check_range(lab[..., 0, :, :], 0.0, 100.0, "L", "L is in CIE units, not in [0, 1] or 0..255")
    return srgb_encode(lab_to_linear(lab).clamp(0, 1)).clamp(0, 1)


def lab_to_linear(lab: Tensor) -> Tensor:
    """Lab (..., 3, H, W) to linear sRGB, not clipped: outside [0, 1] is outside the gamut."""
    lightness, a, b = lab.unbind(-3)
    fy = (lightness + 16) / 116
    fz = (fy - b / 200).clamp(min=0)  # as scikit-image does: no negative Z
    return _mix(T_TO_LINEAR, lab_f_inverse(torch.stack((fy + a / 500, fy, fz), dim=-3)))


def in_gamut(lab: Tensor, tolerance: float = 1e-4) -> Tensor:
    """Which colors an sRGB screen can show: lab (..., 3, H, W) -> bool (..., H, W)."""
    linear = lab_to_linear(lab)
    return ((linear >= -tolerance) & (linear <= 1 + tolerance)).all(dim=-3)


def to_uint8(rgb: Tensor) -> Tensor:
    """Float RGB in [0, 1] to the nearest 8-bit values, any shape."""
    return (rgb * 255).round().to(torch.uint8)


DECODED_BYTES = srgb_decode(torch.arange(256, dtype=torch.float64) / 255).float().numpy()


def _lab_of_uint8(rgb: np.ndarray) -> np.ndarray:
    """The same formula for bytes on the CPU: a table for the decoding, and slabs that stay
    in the cache. What bounds it is numpy's cube root, the only costly step left."""
    *leading, _, height, width = rgb.shape
    planes = rgb.reshape(prod(leading), 3, height * width)
    out = np.empty(planes.shape, np.float32)
    to_t, to_lab = LINEAR_TO_T.astype(np.float32), F_TO_LAB.astype(np.float32)
    shift = LAB_SHIFT.astype(np.float32)[:, None]
    for image, lab in zip(planes, out, strict=True):
        for start in range(0, image.shape[1], SLAB):
            part = slice(start, start + SLAB)
            t = to_t @ DECODED_BYTES[image[:, part]]  # (3, n)
            f = np.where(t > LAB_JOIN_T, np.cbrt(t), LAB_SLOPE * t + LAB_OFFSET)
            np.matmul(to_lab, f, out=lab[:, part])
            lab[:, part] += shift
    return out.reshape(rgb.shape)


def _mix(matrix: np.ndarray, planes: Tensor) -> Tensor:
    """Multiply the channels of (..., 3, H, W) by a 3x3 matrix."""
    return torch.einsum("ij,...jhw->...ihw", planes.new_tensor(matrix), planes)


def _check_channels(image: Tensor, name: str) -> None:
    if not isinstance(image, Tensor):
        raise TypeError(
            f"{name}: expected a torch tensor, got {type(image).__name__}; "
            "use torch.from_numpy(array).permute(2, 0, 1) for a picture from numpy"
        )
    if image.ndim < 3 or image.shape[-3] != 3:
        hint = "; put channels first with .permute(2, 0, 1)" if image.shape[-1:] == (3,) else ""
        raise ValueError(f"{name}: expected shape (..., 3, H, W), got {tuple(image.shape)}{hint}")


def _check_float(image: Tensor, name: str, otherwise: str) -> None:
    if image.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"{name}: expected float32, float64 or {otherwise}, got {image.dtype}; use .float()"
        )


def _check_range(values: Tensor, low: float, high: float, name: str, hint: str) -> None:
    if values.numel() == 0:
        return
    least, most = (v.item() for v in values.detach().aminmax())
    slack = 1e-4 * (high - low)
    if not (least >= low - slack and most <= high + slack):  # also catches NaN
        raise ValueError(f"{name}: expected {low:g} to {high:g}, got {least:g} to {most:g}; {hint}")

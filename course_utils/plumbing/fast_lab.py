"""Fast Lab conversion on the CPU: lookup tables for bytes, and processing in slabs of pixels.

The results match the formulas in `color`, which `color` uses in all other cases.
"""

from collections.abc import Callable
from math import prod

import numpy as np
import torch
from torch import Tensor

from course_utils.color import (
    LAB_JOIN_F,
    LAB_JOIN_T,
    LAB_OFFSET,
    LAB_SLOPE,
    LINEAR_TO_XYZ,
    XYZ_TO_LINEAR,
    srgb_decode,
    srgb_encode,
)

HALVINGS = 8  # of the interval in which `paler` seeks how much chroma a color keeps
PIXELS_AT_ONCE = 32_768  # on the CPU: what lies between stays in the cache

# L = 116 f(Y) - 16, a = 500 (f(X) - f(Y)), b = 200 (f(Y) - f(Z)), as one matrix and one shift.
F_TO_LAB = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
LAB_SHIFT = np.array([-16.0, 0.0, 0.0])
LAB_TO_F = np.linalg.inv(F_TO_LAB)
LINEAR_TO_T, T_TO_LINEAR = LINEAR_TO_XYZ.numpy(), XYZ_TO_LINEAR.numpy()

DECODED_BYTES = srgb_decode(torch.arange(256, dtype=torch.float64) / 255).float().numpy()
DECODED_PAIRS = (  # of two bytes at once
    DECODED_BYTES[np.arange(65_536, dtype=np.uint16).view(np.uint8)].view(np.complex64)
)
ENCODED_BYTES = (  # of linear light in steps of 1 / 65535
    (255 * srgb_encode(torch.linspace(0, 1, 65_536, dtype=torch.float64))).round().byte().numpy()
)


def is_recorded() -> bool:
    """Whether torch.jit.trace or torch.export is recording. Values converted to numpy or Python
    would become constants in the recorded graph."""
    return torch.jit.is_tracing() or torch.compiler.is_exporting()


def serves(image: Tensor) -> bool:
    """Whether numpy may take a picture's numbers: on the CPU, and nothing is recorded."""
    return image.device.type == "cpu" and not is_recorded()


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Bytes of sRGB (..., 3, H, W) on the CPU -> Lab, float32; see `color.rgb_to_lab`."""
    return in_slabs(_bytes_to_lab, rgb, np.float32)


def rgb_to_lightness(rgb: Tensor) -> Tensor:
    """Bytes of sRGB (..., 3, H, W) on the CPU -> L (..., 1, H, W), float32."""
    return in_slabs(_bytes_to_lightness, rgb, np.float32, channels=1)


def lab_to_uint8(lab: Tensor, fit: bool = False) -> Tensor:
    """Lab (..., 3, H, W) on the CPU -> bytes of sRGB; see `color.lab_to_uint8`."""
    made = in_slabs(_lab_to_bytes, lab, np.uint8, channels=4)
    rgb, outside = made[..., :3, :, :], made[..., 3, :, :].bool()
    if fit:
        few = lab_to_linear(paler(lab.movedim(-3, 0)[:, outside].numpy()))
        rgb.movedim(-3, 0)[:, outside] = torch.from_numpy(_encode(few))
    return rgb


def formula_in_slabs(formula: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """Apply a formula to (..., 3, H, W) in slabs, see `in_slabs`. An image that needs a gradient,
    is being recorded or is not on the CPU is processed whole."""
    if not serves(image) or (image.requires_grad and torch.is_grad_enabled()):
        return formula(image)

    def convert(part: np.ndarray, out: np.ndarray) -> None:
        torch.from_numpy(out)[:, None].copy_(formula(torch.from_numpy(part)[:, None]))

    image = image.detach()
    return in_slabs(convert, image, image.numpy().dtype)


def in_slabs(
    convert: Callable[[np.ndarray, np.ndarray], None],
    image: Tensor,
    dtype: np.dtype | type,
    channels: int = 3,
) -> Tensor:
    """Convert (..., 3, H, W) to (..., channels, H, W) on the CPU in slabs of pixels, so that the
    intermediate values stay small and in the CPU cache.

    Args:
        convert: called with a slab (3, n) and the output (channels, n) that it fills.
        image: the input, (..., 3, H, W).
        dtype: of the result.
        channels: of the result.
    """
    *leading, _, height, width = image.shape
    planes = image.numpy().reshape(prod(leading), 3, height * width)
    out = np.empty((len(planes), channels, height * width), dtype)
    for one, result in zip(planes, out, strict=True):
        for start in range(0, height * width, PIXELS_AT_ONCE):
            part = slice(start, start + PIXELS_AT_ONCE)
            convert(one[:, part], result[:, part])
    return torch.from_numpy(out.reshape(*leading, channels, height, width))


def paler(lab: np.ndarray) -> np.ndarray:
    """`color.fit_gamut` for out-of-gamut Lab colors (3, n)."""
    keep, part, paler = np.zeros_like(lab[0]), 1.0, lab.copy()
    for _ in range(HALVINGS):
        part /= 2
        paler[1:] = lab[1:] * (keep + part)
        keep += part * is_shown(lab_to_linear(paler))
    paler[1:] = lab[1:] * keep
    return paler


def is_shown(linear: np.ndarray | Tensor, tolerance: float = 1e-4) -> np.ndarray | Tensor:
    """Which linear colors (3, n) a screen can show; also of tensors (3, ...)."""
    return ((linear >= -tolerance) & (linear <= 1 + tolerance)).all(axis=0)


def lab_to_linear(lab: np.ndarray) -> np.ndarray:
    """`lab_to_linear` of (3, n)."""
    f = LAB_TO_F.astype(lab.dtype) @ (lab - LAB_SHIFT.astype(lab.dtype)[:, None])
    f[2].clip(min=0, out=f[2])
    t = f * f * f
    np.copyto(t, (f - LAB_OFFSET) / LAB_SLOPE, where=f <= LAB_JOIN_F)
    return T_TO_LINEAR.astype(lab.dtype) @ t


def _bytes_to_lab(rgb: np.ndarray, lab: np.ndarray) -> None:
    """`rgb_to_lab` of bytes (3, n), into `lab` (3, n)."""
    np.matmul(_float32(F_TO_LAB), _bytes_to_f(LINEAR_TO_T, rgb), out=lab)
    lab[0] += np.float32(LAB_SHIFT[0])


def _bytes_to_lightness(rgb: np.ndarray, lightness: np.ndarray) -> None:
    """`rgb_to_lightness` of bytes (3, n), into `lightness` (1, n)."""
    np.multiply(_bytes_to_f(LINEAR_TO_T[1], rgb), np.float32(F_TO_LAB[0, 1]), out=lightness[0])
    lightness += np.float32(LAB_SHIFT[0])


def _bytes_to_f(matrix: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    """`lab_f` of decoded bytes (3, n) times a matrix, or a row of it."""
    t = _float32(matrix) @ _decode(rgb)
    dark = np.flatnonzero(t <= LAB_JOIN_T)  # few in most photographs
    straight = LAB_SLOPE * t.ravel()[dark] + LAB_OFFSET
    f = np.cbrt(t, out=t)
    f.ravel()[dark] = straight
    return f


def _decode(rgb: np.ndarray) -> np.ndarray:
    """Bytes of sRGB (3, n) as linear light."""
    if rgb.shape[1] % 2:
        return DECODED_BYTES.take(rgb)
    pairs = np.ascontiguousarray(rgb).view(np.uint16)  # two at a time: half of the look-ups
    return DECODED_PAIRS.take(pairs, mode="wrap").view(np.float32)


def _lab_to_bytes(lab: np.ndarray, rows: np.ndarray) -> None:
    """Lab (3, n) as bytes, into `rows` (4, n): R, G, B, clipped, and 1 where that changed the
    color."""
    linear = lab_to_linear(lab)
    rows[:3] = _encode(linear)
    np.logical_not(is_shown(linear), out=rows[3].view(bool))


def _encode(linear: np.ndarray) -> np.ndarray:
    """Linear light (3, n) as bytes of sRGB."""
    return ENCODED_BYTES.take((65_535 * linear.clip(0, 1) + 0.5).astype(np.uint16))


def _float32(matrix: np.ndarray) -> np.ndarray:
    return matrix.astype(np.float32)

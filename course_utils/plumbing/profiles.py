"""Color profiles (ICC.1): what the numbers of a picture mean, told in sRGB."""

import io
from collections.abc import Callable
from struct import error, unpack_from

import numpy as np
from PIL import Image, ImageCms

MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}  # of pictures, by a profile's color space
UNSEEN = 2  # counts: a profile that moves no color by more is sRGB
NUMBERS = (1, 3, 4, 5, 7)  # of a parametric curve, by its kind


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an 8-bit picture to sRGB. A profile that is damaged, or does not fit the picture's
    mode, is ignored."""
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
        mode = MODES[given.profile.xcolor_space.strip()]
        if mode == "RGB" and image.mode in ("1", "L", "P", "YCbCr"):
            image = image.convert("RGB")
        elif mode == "L" and image.mode == "1":
            image = image.convert("L")
        srgb = ImageCms.createProfile("sRGB")
        # By default littleCMS computes dark grays roughly.
        exact = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
        transform = ImageCms.buildTransform(given, srgb, mode, "RGB", flags=exact)
        if not _is_unseen(transform, mode):
            return ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, KeyError):
        pass
    return image if image.mode == "RGB" else image.convert("RGB")


def _is_unseen(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a profile is that of sRGB."""
    if mode == "CMYK":
        return False
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    colors = np.stack(np.meshgrid(*3 * [levels]), axis=-1).reshape(16, -1, 3)
    probe = Image.fromarray(colors if mode == "RGB" else colors[..., 0])
    moved = np.asarray(ImageCms.applyTransform(probe, transform), int)
    return np.abs(moved - np.asarray(probe.convert("RGB"), int)).max() <= UNSEEN


def deep_converter(profile: bytes | None, mode: str) -> Callable[[np.ndarray], np.ndarray] | None:
    """A version of `to_srgb` for floats, without 8-bit rounding, for profiles made of curves and a
    matrix. It maps (..., 1 or 3) to (..., 1 or 3), both in [0, 1].

    Returns:
        the converter, or None for any other profile; use `to_srgb` then.
    """
    try:
        tags = _tags(profile or b"")
        gray = profile[16:20] == b"GRAY"
        if "A2B0" in tags or (mode, gray) not in (("L", True), ("L", False), ("RGB", False)):
            return None
        curves = [_curve(tags[name]) for name in (["kTRC"] if gray else ["rTRC", "gTRC", "bTRC"])]
        black = np.array([curve(np.zeros(1, np.float32))[0] for curve in curves], np.float32)
        matrix = None if gray else _matrix(tags) @ np.linalg.inv(_matrix(_tags(_srgb())))
    except (KeyError, ValueError, IndexError, error):
        return None

    def convert(colors: np.ndarray) -> np.ndarray:
        colors = np.broadcast_to(colors, (*colors.shape[:-1], max(colors.shape[-1], len(curves))))
        linear = np.stack([curve(colors[..., n]) for n, curve in enumerate(curves)], axis=-1)
        linear = (linear - black) / (1 - black)
        linear = linear if matrix is None else linear @ matrix.astype(np.float32)
        linear = linear.clip(0, 1)
        return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)

    return convert


def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _tags(profile: bytes) -> dict[str, bytes]:
    """The parts of a profile, by their names."""
    (count,) = unpack_from(">I", profile, 128)
    entries = (unpack_from(">4sII", profile, 132 + 12 * n) for n in range(min(count, 100)))
    return {name.decode("latin-1"): profile[at : at + size] for name, at, size in entries}


def _matrix(tags: dict[str, bytes]) -> np.ndarray:
    """(3, 3): XYZ of red, of green and of blue."""
    names = ("rXYZ", "gXYZ", "bXYZ")
    return np.array([unpack_from(">3i", tags[name], 8) for name in names]) / 2**16


def _curve(tag: bytes) -> Callable[[np.ndarray], np.ndarray]:
    """From what is stored to the amount of light, both in [0, 1]."""
    if tag[:4] == b"para":
        (kind,) = unpack_from(">H", tag, 8)
        given = np.array(unpack_from(f">{NUMBERS[kind]}i", tag, 12)) / 2**16
        g, a, b, c, d, e, f = map(float, (*given, *(1, 1, 0, 0, 0, 0, 0)[len(given) :]))
        if kind in (1, 2):
            c, d, e, f = 0.0, -b / a, c, c
        return lambda x: np.where(x < d, c * x + f, (a * x + b).clip(0) ** g + e)
    (count,) = unpack_from(">I", tag, 8)
    table = np.array(unpack_from(f">{count}H", tag, 12))
    if count == 0:
        return lambda x: x
    if count == 1:
        return lambda x: x ** (table[0] / 256)
    return lambda x: np.interp(x, np.linspace(0, 1, count), table / 65535).astype(np.float32)

"""Color profiles in pictures of every mode, beside littleCMS and beside the formulas of ICC.1."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from course_utils.photos import read_photo, sample_photo
from course_utils.plumbing.profiles import deep_converter

COLOR = sample_photo("coffee").resize((120, 80))
RGB = np.asarray(COLOR)
GRAY = np.asarray(COLOR.convert("L"))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
WIDE = ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00008, 0.82491))
STEPS = np.linspace(0, 1, 4096)


def table(values: np.ndarray) -> bytes:
    return struct.pack(f">4s4xI{len(values)}H", b"curv", len(values), *(values * 65535).astype(int))


def formula(kind: int, *numbers: float) -> bytes:
    fixed = (round(65536 * number) for number in numbers)
    return struct.pack(f">4s4xH2x{len(numbers)}i", b"para", kind, *fixed)


CURVES = {  # as they are stored
    "linear": struct.pack(">4s4xI", b"curv", 0),
    "gamma 1.8": struct.pack(">4s4xIH", b"curv", 1, round(1.8 * 256)),
    "dot gain": table(STEPS * (0.6 + 0.4 * STEPS)),
    "formula 0": formula(0, 2.2),
    "formula 1": formula(1, 2.0, 0.95, 0.05),
    "formula 2": formula(2, 2.0, 0.93, 0.05, 0.0396),
    "formula 3": formula(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    "formula 4": formula(4, 2.2, 0.9, 0.05, 0.3, 0.1, 0.1067, 0.0899),
}
GRAYS = {name: ("GRAY", curve) for name, curve in CURVES.items()}
COLORS = {f"{name} RGB": ("RGB ", curve, SRGB) for name, curve in CURVES.items()}
COLORS |= {f"{name}, wide": ("RGB ", CURVES[name], WIDE) for name in ("linear", "gamma 1.8")}


def profile(space: str, curve: bytes, primaries: tuple = ()) -> bytes:
    """A profile of one curve and a matrix."""

    def xyz(values: tuple) -> bytes:
        return b"XYZ " + struct.pack(">4x3i", *(round(65536 * value) for value in values))

    words = b"no sRGB, whatever its name says\0"
    tags = {b"desc": b"desc" + struct.pack(">4xI", len(words)) + words + bytes(78)}
    tags |= {b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz((0.9642, 1, 0.8249))}
    tags |= dict.fromkeys([b"kTRC"] if space == "GRAY" else [b"rTRC", b"gTRC", b"bTRC"], curve)
    tags |= dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, primaries), strict=False))
    start, entries, parts = 132 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        entries += struct.pack(">4sII", name, start + len(parts), len(content))
        parts += content + bytes(-len(content) % 4)
    kinds = (0x02400000, b"mntr", space.encode(), b"XYZ ", b"acsp")
    header = struct.pack(">I4xI4s4s4s12x4s", start + len(parts), *kinds)
    header = (header.ljust(68, b"\0") + xyz((0.9642, 1, 0.8249))[8:]).ljust(128, b"\0")
    return header + struct.pack(">I", len(tags)) + entries + parts


def by_littlecms(image: Image.Image, icc: bytes) -> np.ndarray:
    profiles = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
    flags = ImageCms.Flags.NOOPTIMIZE  # exactly
    shown = ImageCms.profileToProfile(image, *profiles, outputMode="RGB", flags=flags)
    return np.asarray(shown, int)


def read(content: bytes) -> np.ndarray:
    return np.asarray(read_photo(content), int)


def saved(image: Image.Image, kind: str, icc: bytes, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, icc_profile=icc, **options)
    return content.getvalue()


@pytest.mark.parametrize("name", GRAYS)
def test_gray_pictures_of_every_mode(name: str) -> None:
    icc, gray = profile(*GRAYS[name]), Image.fromarray(GRAY)
    expected = by_littlecms(gray, icc)
    assert np.abs(expected - GRAY[..., None]).max() > 2 or name == "formula 3"
    deep = GRAY * np.uint16(257)
    for content in (
        saved(gray, "PNG", icc),
        saved(gray.convert("LA"), "PNG", icc),
        saved(gray.convert("LA"), "TIFF", icc),
        saved(Image.fromarray(deep), "PNG", icc),
        tifffile_of(deep, "minisblack", icc),
        tifffile_of(65535 - deep, "miniswhite", icc),
        tifffile_of((GRAY / 255).astype(np.float32), "minisblack", icc),
        tifffile_of(np.stack((deep, np.full_like(deep, 65535)), axis=2), "minisblack", icc),
    ):
        assert np.abs(read(content) - expected).max() <= 2
    jpeg = saved(gray, "JPEG", icc, quality=100)
    with Image.open(io.BytesIO(jpeg)) as image:
        assert np.abs(read(jpeg) - by_littlecms(image, icc)).max() <= 2
    assert set(np.unique(read(saved(gray.convert("1"), "PNG", icc)))) == {0, 255}


def tifffile_of(values: np.ndarray, photometric: str, icc: bytes) -> bytes:
    content = io.BytesIO()
    extra = {"extrasamples": ["unassalpha"]} if values.shape[2:] == (2,) else {}
    options = {"photometric": photometric, "planarconfig": "contig", **extra}
    tifffile.imwrite(content, values, iccprofile=icc, **options)
    return content.getvalue()


@pytest.mark.parametrize("name", COLORS)
def test_color_pictures_of_every_mode(name: str) -> None:
    icc = profile(*COLORS[name])
    expected = by_littlecms(COLOR, icc)
    palette = COLOR.quantize(64)
    colors = by_littlecms(palette.convert("RGB"), icc)
    deep = RGB * np.uint16(257)
    for content, shown in (
        (saved(COLOR, "PNG", icc), expected),
        (saved(COLOR.convert("RGBA"), "PNG", icc), expected),
        (saved(COLOR, "WEBP", icc, lossless=True), expected),
        (saved(COLOR, "TIFF", icc), expected),
        (saved(palette, "PNG", icc), colors),
        (png_in_16_bits(deep, icc), expected),
        (tifffile_of(deep, "rgb", icc), expected),
        (tifffile_of((RGB / 255).astype(np.float32), "rgb", icc), expected),
    ):
        assert np.abs(read(content) - shown).max() <= 2


def png_in_16_bits(values: np.ndarray, icc: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.tobytes() for row in values.astype(">u2"))
    parts = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    parts += chunk(b"iCCP", b"a\0\0" + zlib.compress(icc)) + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IEND", b"")


def test_dark_tones_of_a_linear_picture_are_not_lost_in_16_bits() -> None:
    light = np.linspace(0, 0.01, 60 * 40).reshape(40, 60)
    light[0, 0] = 1  # else 12 bits in 16 are supposed
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    deep = np.round(light * 65535).astype(np.uint16)
    gray, colors = profile(*GRAYS["linear"]), profile(*COLORS["linear RGB"])
    rgb = np.repeat(deep[..., None], 3, axis=2)
    for content in (
        tifffile_of(deep, "minisblack", gray),
        tifffile_of(rgb, "rgb", colors),
        png_in_16_bits(rgb, colors),
    ):
        assert np.abs(read(content) - expected[..., None]).max() <= 1


def test_cmyk_and_lab_profiles() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for icc in (lab, profile(*GRAYS["linear"]), b"torn"):  # of another kind than the picture
        assert np.array_equal(read(saved(COLOR, "PNG", icc)), RGB)
    cmyk = COLOR.convert("CMYK")
    plain = np.asarray(cmyk.convert("RGB"), int)
    assert np.array_equal(read(saved(cmyk, "TIFF", profile(*COLORS["gamma 1.8, wide"]))), plain)


def test_a_gray_picture_may_have_a_profile_of_colors() -> None:
    icc, gray = profile(*COLORS["gamma 1.8, wide"]), Image.fromarray(GRAY)
    expected = by_littlecms(gray.convert("RGB"), icc)
    assert np.abs(read(saved(gray, "PNG", icc)) - expected).max() <= 2
    assert np.abs(read(tifffile_of(GRAY * np.uint16(257), "minisblack", icc)) - expected).max() <= 2


def test_srgb_changes_nothing_whatever_it_is_called() -> None:
    icc = profile(*COLORS["formula 3 RGB"])
    assert np.array_equal(read(saved(COLOR, "PNG", icc)), RGB)


@pytest.mark.parametrize("length", range(0, 500, 37))
def test_a_torn_profile_is_as_none(length: int) -> None:
    icc = profile(*COLORS["gamma 1.8, wide"])[:length]
    assert deep_converter(icc, "RGB") is None
    assert np.array_equal(read(tifffile_of(RGB * np.uint16(257), "rgb", icc or b"x")), RGB)

"""TIFF of every type and layout, as tifffile writes it, and Pillow does not always read it."""

import io
import logging
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from course_utils.photos import read_photo, sample_photo

logging.getLogger("tifffile").setLevel(logging.ERROR)
COLOR = sample_photo("coffee").resize((150, 100))
RGB = np.asarray(COLOR)
GRAY = np.asarray(COLOR.convert("L"))
CMYK = np.asarray(COLOR.convert("CMYK"))
DEEP, DEEP_RGB, DEEP_CMYK = (each * np.uint16(257) for each in (GRAY, RGB, CMYK))
HALF = np.full_like(DEEP, 32896)
GRAYS = {  # which all show GRAY: the numbers, and how tifffile writes them
    "16 bits": (DEEP, {}),
    "white is zero": (65535 - DEEP, {"photometric": "miniswhite"}),
    "big-endian, white is zero": (65535 - DEEP, {"photometric": "miniswhite", "byteorder": ">"}),
    "12 bits in 16": (DEEP >> 4, {}),
    "14 bits in 16": (DEEP >> 2, {"extratags": [(281, "H", 1, 16383, True)]}),
    "10 bits in 16": (DEEP >> 6, {"extratags": [(281, "H", 1, 1023, True)]}),
    "8 bits in 16": (DEEP >> 8, {}),
    "32 bits": (DEEP * np.uint32(65537), {}),
    "16 bits in 32": (DEEP.astype(np.uint32), {}),
    "15 bits and a sign": ((DEEP >> 1).astype(np.int16), {}),
    "half floats": ((GRAY / 255).astype(np.float16), {}),
    "floats": ((GRAY / 255).astype(np.float32), {}),
    "doubles": (GRAY / 255, {}),
    "floats to 255": (GRAY.astype(np.float32), {}),
    "tiles": (DEEP, {"tile": (32, 48)}),
    "packed, differences": (DEEP, {"compression": "zlib", "predictor": True}),
    "packed, differences, big-endian": (
        DEEP,
        {"compression": "zlib", "predictor": True, "byteorder": ">", "rowsperstrip": 7},
    ),
    "a large file's addresses": (DEEP, {"bigtiff": True}),
}
COLORS = {  # which all show RGB
    "16 bits": (DEEP_RGB, {}),
    "16 bits, planes": (DEEP_RGB.transpose(2, 0, 1), {"planarconfig": "separate"}),
    "16 bits, planes in tiles": (
        DEEP_RGB.transpose(2, 0, 1),
        {"planarconfig": "separate", "tile": (32, 32), "compression": "zlib", "predictor": True},
    ),
    "8 bits, planes": (RGB.transpose(2, 0, 1), {"planarconfig": "separate"}),
    "floats": ((RGB / 255).astype(np.float32), {}),
    "half floats, packed": ((RGB / 255).astype(np.float16), {"compression": "zlib"}),
    "doubles, planes": ((RGB / 255).transpose(2, 0, 1), {"planarconfig": "separate"}),
    "16 bits, differences": (DEEP_RGB, {"compression": "zlib", "predictor": True}),
    "32 bits": (DEEP_RGB * np.uint32(65537), {}),
}


def written(values: np.ndarray, **options: object) -> bytes:
    content = io.BytesIO()
    tifffile.imwrite(content, values, **options)
    return content.getvalue()


def off(content: bytes, expected: np.ndarray) -> int:
    """How far a picture is from what it shows, at most, in counts."""
    expected = expected if expected.ndim == 3 else expected[..., None]
    return np.abs(np.asarray(read_photo(content), int) - expected).max()


@pytest.mark.parametrize("name", GRAYS)
def test_gray_numbers_of_every_kind(name: str) -> None:
    values, options = GRAYS[name]
    assert off(written(values, **{"photometric": "minisblack"} | options), GRAY) <= 1


@pytest.mark.parametrize("name", COLORS)
def test_colors_of_every_kind(name: str) -> None:
    values, options = COLORS[name]
    assert off(written(values, photometric="rgb", **options), RGB) <= 1


@pytest.mark.parametrize("mode", ["gray", "colors"])
@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha", "unspecified"])
def test_a_16_bit_picture_lies_over_white(mode: str, kind: str) -> None:
    shown = GRAY[..., None] if mode == "gray" else RGB
    colors = shown / 255 * (0.5 if kind == "assocalpha" else 1)
    values = np.concatenate(((colors * 65535).astype(np.uint16), HALF[..., None]), axis=2)
    photometric = "minisblack" if mode == "gray" else "rgb"
    content = written(values, photometric=photometric, planarconfig="contig", extrasamples=[kind])
    expected = shown if kind == "unspecified" else 127.5 + shown / 2
    assert off(content, expected) <= 1


def test_cmyk_in_16_bits() -> None:
    for values, options in (
        (DEEP_CMYK, {}),
        (DEEP_CMYK, {"compression": "zlib", "predictor": True}),
        (DEEP_CMYK.transpose(2, 0, 1), {"planarconfig": "separate"}),
    ):
        assert off(written(values, photometric="separated", **options), RGB) <= 1


@pytest.mark.parametrize("bits", [1, 2, 4, 10, 12, 14])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_few_and_odd_bits(bits: int, white_is_zero: bool) -> None:
    levels = np.round(GRAY / 255 * (2**bits - 1)).astype(np.uint16)
    values = (2**bits - 1 - levels) if white_is_zero else levels
    loose = np.unpackbits(values.astype(">u2").view(np.uint8).reshape(*GRAY.shape, 2), axis=2)
    packed = np.packbits(loose[..., 16 - bits :].reshape(len(GRAY), -1), axis=1).tobytes()
    tags = {258: bits, 259: 1, 262: 0 if white_is_zero else 1, 277: 1}
    assert off(tiff_file(tags, [packed]), np.round(levels / (2**bits - 1) * 255)) <= 1


def tiff_file(tags: dict[int, object], parts: list[bytes], tile: int | None = None) -> bytes:
    """A file of given tags, in one strip, or in tiles."""
    directory, header = ImageFileDirectory_v2(), b"II*\0\x08\0\0\0"
    size = {256: GRAY.shape[1], 257: GRAY.shape[0]} | ({322: tile, 323: tile} if tile else {})
    places, counts = (324, 325) if tile else (273, 279)
    for tag, value in (size | tags).items():
        directory[tag] = value
    directory[counts] = tuple(map(len, parts))
    directory.tagtype[places] = 4
    for begin in (0, 8 + len(tags_of(directory, places, [0] * len(parts)))):
        offsets = [begin + sum(map(len, parts[:n])) for n in range(len(parts))]
        content = tags_of(directory, places, offsets)
        if not tile:  # Pillow adds where they end
            break
    return header + content + b"".join(parts)


def tags_of(directory: ImageFileDirectory_v2, places: int, offsets: list[int]) -> bytes:
    directory[places] = tuple(offsets)
    return directory.tobytes(8)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
def test_what_libtiff_packs(compression: str) -> None:
    content = io.BytesIO()
    Image.fromarray(DEEP).save(content, "TIFF", compression=compression)
    assert off(content.getvalue(), GRAY) <= 1


def tiles_of(image: Image.Image, side: int, encode: Callable[[Image.Image], bytes]) -> list[bytes]:
    wide = Image.fromarray(np.pad(np.asarray(image), ((0, side), (0, side), (0, 0)), "edge"))
    lefts, tops = range(0, image.width, side), range(0, image.height, side)
    return [encode(wide.crop((x, y, x + side, y + side))) for y in tops for x in lefts]


def jpeg(image: Image.Image, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=98, subsampling=0, **options)
    return content.getvalue()


@pytest.mark.parametrize("photometric", [2, 6])
@pytest.mark.parametrize("keep_rgb", [False, True])
@pytest.mark.parametrize("tile", [64, None])
def test_jpeg_inside_knows_its_colors(photometric: int, keep_rgb: bool, tile: int | None) -> None:
    def encode(image: Image.Image) -> bytes:
        return jpeg(image, keep_rgb=keep_rgb)

    parts = tiles_of(COLOR, tile, encode) if tile else [encode(COLOR)]
    tags = {258: (8, 8, 8), 259: 7, 262: photometric, 277: 3, 530: (1, 1)}
    pixels = np.asarray(read_photo(tiff_file(tags, parts, tile)), int)
    assert np.abs(pixels - RGB).mean() < 2


@pytest.mark.parametrize("pack", [bytes, zlib.compress])
@pytest.mark.parametrize("tile", [32, None])
def test_ycbcr_of_which_neighbors_share_a_color(
    pack: Callable[[bytes], bytes], tile: int | None
) -> None:
    def encode(image: Image.Image) -> bytes:
        values = np.asarray(image.convert("YCbCr"))
        height, width, _ = values.shape
        light = values[..., 0].reshape(height // 2, 2, width // 2, 2).swapaxes(1, 2)
        light = light.reshape(height // 2, width // 2, 4)
        return pack(np.concatenate((light, values[::2, ::2, 1:]), axis=2).tobytes())

    parts = tiles_of(COLOR, tile, encode) if tile else [encode(COLOR)]
    compression = 1 if pack is bytes else 8
    tags = {258: (8, 8, 8), 259: compression, 262: 6, 277: 3, 530: (2, 2)}
    pixels = np.asarray(read_photo(tiff_file(tags, parts, tile)), int)
    assert np.abs(pixels - RGB).mean() < 4


def test_the_largest_page_is_the_photograph() -> None:
    content = io.BytesIO()
    with tifffile.TiffWriter(content) as file:
        file.write(RGB[:30, :40], photometric="rgb", subfiletype=1)
        file.write(RGB, photometric="rgb")
    assert off(content.getvalue(), RGB) == 0
    content = io.BytesIO()
    with tifffile.TiffWriter(content) as file:
        file.write(RGB[:30, :40], photometric="rgb", subifds=1)
        file.write(RGB, photometric="rgb")
    with pytest.warns(UserWarning, match="photo: a page below another was taken, the largest of 2"):
        assert off(content.getvalue(), RGB) == 0


def test_of_several_pages_the_first_is_taken_and_told() -> None:
    content = io.BytesIO()
    with tifffile.TiffWriter(content) as file:
        for values in (DEEP, DEEP // 2, DEEP // 3):
            file.write(values, photometric="minisblack")
    with pytest.warns(UserWarning, match="photo: page 1 was taken, the largest of 3"):
        assert off(content.getvalue(), GRAY) <= 1


@pytest.mark.parametrize("place", ["first", "below"])
def test_a_raw_file_is_to_be_exported(place: str, tmp_path: Path) -> None:
    content = io.BytesIO()
    with tifffile.TiffWriter(content) as file:
        if place == "below":
            file.write(RGB[:30, :40], photometric="rgb", subfiletype=1, subifds=1)
        cfa = [(33421, "H", 2, (2, 2), True), (33422, "B", 4, b"\0\1\1\2", True)]
        file.write(DEEP, photometric="cfa", extratags=cfa)
    with pytest.raises(ValueError, match=r"photo: .*a raw file; export it as JPEG or TIFF"):
        read_photo(content.getvalue())
    version = [(50706, "B", 4, b"\1\4\0\0", True)]
    with pytest.raises(ValueError, match=r"a raw file"):
        read_photo(written(RGB, photometric="rgb", extratags=version))
    (tmp_path / "photo.RAF").write_bytes(b"FUJIFILMCCD-RAW 0201")
    with pytest.raises(ValueError, match=r"photo\.RAF: .* a raw file"):
        read_photo(tmp_path / "photo.RAF")


def test_it_is_turned_upright_and_keeps_its_dots_per_inch() -> None:
    turned = [(274, "H", 1, 6, True)]
    content = written(
        DEEP, photometric="minisblack", extratags=turned, resolution=(300, 300), resolutionunit=2
    )
    assert off(content, np.rot90(GRAY, -1)) <= 1
    assert read_photo(content).info["dpi"] == (300, 300)


@pytest.mark.parametrize("size", [(30_000, 30_000), (2**31, 2**31), (9_000, 9_000)])
def test_what_takes_too_much_memory_is_refused_before_it_is_read(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(np, "empty", lambda *_: pytest.fail("memory was taken"))
    tags = {256: size[0], 257: size[1], 258: (64,) * 4, 259: 1, 262: 2, 277: 4, 339: (3,) * 4}
    with pytest.raises(ValueError, match=r"photo: expected a p"):
        read_photo(tiff_file(tags, [b"\0" * 100]))


def test_one_byte_that_unpacks_to_gigabytes_is_not_unpacked() -> None:
    packed = zlib.compress(bytes(10**8))
    tags = {258: 16, 259: 8, 262: 1, 277: 1}
    assert off(tiff_file(tags, [packed]), np.zeros_like(GRAY)) == 0


def test_any_damage_is_one_error(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    options = {"photometric": "minisblack", "tile": (32, 32), "compression": "zlib"}
    whole = written(DEEP, predictor=True, **options)
    for _ in range(300):
        content = bytearray(whole)
        for place in dice.integers(0, len(whole), 4) % dice.choice((300, len(whole))):
            content[place] = dice.integers(256)
        try:
            read_photo(bytes(content[: dice.choice((len(whole), len(whole) // 2))]))
        except ValueError as error:
            assert str(error).startswith("photo: expected a p")
            assert "\n" not in str(error)


def test_compressions_and_colors_that_are_unknown() -> None:
    with pytest.raises(ValueError, match="a compression of an unknown kind, 34712"):
        read_photo(tiff_file({258: 16, 259: 34712, 262: 1, 277: 1}, [b"\0" * 100]))
    with pytest.raises(ValueError, match="colors of an unknown kind, 8"):
        read_photo(tiff_file({258: (16,) * 3, 259: 1, 262: 8, 277: 3}, [b"\0" * 100]))


def test_floats_in_the_order_of_their_bytes() -> None:
    """Predictor 3 by Adobe's note: each row's first bytes, then its second ones, as differences."""
    bytes_of = (GRAY / 255).astype(">f4").view(np.uint8).reshape(*GRAY.shape, 4)
    rows = bytes_of.transpose(0, 2, 1).reshape(len(GRAY), -1)
    rows = np.diff(rows, axis=1, prepend=np.zeros((len(GRAY), 1), np.uint8))
    tags = {258: 32, 259: 8, 262: 1, 277: 1, 317: 3, 339: 3}
    assert off(tiff_file(tags, [zlib.compress(rows.tobytes())]), GRAY) <= 1

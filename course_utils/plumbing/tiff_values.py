"""The numbers of a page of a TIFF file, of any type and layout. libtiff, which is inside Pillow,
unpacks its strips and tiles."""

import io
import zlib
from math import ceil
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2 as Directory

Tag = ExifTags.Base
MOST_BYTES = 2**29  # of a page's numbers, unpacked
YCBCR = 6
PLAIN, JPEG, DEFLATE = 1, 7, 8
PACKED = {5, DEFLATE, 32773, 32946, 34925, 50000}  # LZW, PackBits, Deflate, LZMA, Zstandard
KINDS = {1: "u", 2: "i", 3: "f"}  # of numbers, by the sample format
SIZES = {8, 16, 32, 64}  # of numbers, in bits, that need not be widened
MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page(NamedTuple):
    """A picture in a file."""

    tags: Directory
    frame: int | None  # its number in Pillow's count; None if Pillow does not count it

    def __str__(self) -> str:
        return "a page below another" if self.frame is None else f"page {self.frame + 1}"

    def numbers(self, tag: int, *default: int) -> tuple[int, ...]:
        value = self.tags.get(tag, default)
        return value if isinstance(value, tuple) else (value,)

    def number(self, tag: int, default: int = 0) -> int:
        return self.numbers(tag, default)[0]

    @property
    def size(self) -> tuple[int, int]:
        return self.number(Tag.ImageWidth), self.number(Tag.ImageLength)

    @property
    def info(self) -> dict[str, object]:
        """What Pillow keeps of it beside its pixels."""
        dots = tuple(self.tags.get(tag) for tag in (Tag.XResolution, Tag.YResolution))
        scale = {2: 1, 3: 2.54}.get(self.number(Tag.ResolutionUnit, 2))
        info = {"icc_profile": self.tags.get(Tag.InterColorProfile)}
        return info | ({"dpi": tuple(dot * scale for dot in dots)} if scale and all(dots) else {})

    @property
    def segments(self) -> list[tuple[int, int]]:
        """Where its strips or tiles begin, and how many bytes each takes."""
        tags = (Tag.TileOffsets, Tag.TileByteCounts)
        if Tag.TileOffsets not in self.tags:
            tags = (Tag.StripOffsets, Tag.StripByteCounts)
        return list(zip(*map(self.numbers, tags), strict=True))


def read_values(page: Page, file: BinaryIO) -> np.ndarray:
    """The samples of a page, (H, W, channels), in the file's own dtype; YCbCr and JPEG as RGB.

    Raises:
        ValueError: they are truncated, of an unknown type, or need more than `MOST_BYTES`.
    """
    (width, height), count = page.size, page.number(Tag.SamplesPerPixel, 1)
    if Tag.TileWidth in page.tags:
        wide, high = page.number(Tag.TileWidth), page.number(Tag.TileLength)
    else:
        wide, high = width, min(height, page.number(Tag.RowsPerStrip, height))
    planes = count if page.number(Tag.PlanarConfiguration, 1) == 2 else 1
    across, down, depth = ceil(width / wide), ceil(height / high), count // planes
    dtype, bits = _dtype(page), page.number(Tag.BitsPerSample, 1)
    row_bytes = ceil(wide * depth * bits / 8)
    segments = page.segments[: planes * down * across]
    if len(segments) < planes * down * across:
        raise ValueError("a torn file")
    if max(width * height * count * dtype.itemsize, len(segments) * high * row_bytes) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES // 2**20} MB of pixels; save it with 8 bits")
    values = np.empty((height, width, count), dtype)
    for number, (offset, length) in enumerate(segments):
        plane, place = divmod(number, down * across)
        top, left = place // across * high, place % across * wide
        here = values[top : top + high, left : left + wide, plane * depth : (plane + 1) * depth]
        rows = high if Tag.TileWidth in page.tags else len(here)
        file.seek(offset)
        content = file.read(min(length, 2 * rows * row_bytes + 2**16))
        if page.number(Tag.Compression) == JPEG:
            part = _from_jpeg(page, content, wide, rows)
        elif page.number(Tag.PhotometricInterpretation) == YCBCR:
            part = _from_coarse(page, content, wide, rows)
        else:
            packed = _unpacked(page, content, row_bytes, rows)
            part = _numbers(page, packed, dtype, wide, depth)
        part = part[: here.shape[0], : here.shape[1]]
        if part.shape != here.shape:
            raise ValueError("a torn file")
        here[...] = part
    return values


def _dtype(page: Page) -> np.dtype:
    bits, kinds = {*page.numbers(Tag.BitsPerSample, 1)}, {*page.numbers(Tag.SampleFormat, 1)}
    kind, most = KINDS.get(max(kinds)), max(bits)
    if len(bits | kinds) != 2 or kind is None or not (most in SIZES or (kind == "u" and most < 16)):
        raise ValueError(f"numbers of an unknown kind, of {most} bits")
    return np.dtype(f"{kind}{most // 8 if most in SIZES else 2}")


def _from_jpeg(page: Page, content: bytes, wide: int, rows: int) -> np.ndarray:
    tables = page.tags.get(Tag.JPEGTables, b"")
    whole = tables[:-2] + content[2:] if tables else content
    with Image.open(io.BytesIO(whole), formats=["JPEG"]) as image:
        if image.width > wide or image.height > rows:
            raise ValueError("a torn file")
        return np.asarray(image.convert("RGB"))[..., : page.number(Tag.SamplesPerPixel, 1)]


def _from_coarse(page: Page, content: bytes, wide: int, rows: int) -> np.ndarray:
    """YCbCr of which neighbors share a color, and that is not packed."""
    tags = {tag: page.tags[tag] for tag in (Tag.YCbCrSubSampling,) if tag in page.tags}
    tags |= {Tag.BitsPerSample: (8, 8, 8), Tag.SamplesPerPixel: 3}
    tags |= {Tag.PhotometricInterpretation: YCBCR, Tag.Compression: DEFLATE}
    return _by_libtiff(zlib.compress(content, 0), wide, rows, tags)


def _unpacked(page: Page, content: bytes, row_bytes: int, rows: int) -> np.ndarray:
    """The bytes of a strip or tile, (rows, row_bytes)."""
    compression, order = page.number(Tag.Compression, PLAIN), page.number(Tag.FillOrder, 1)
    if compression == PLAIN:
        content = content.translate(MIRRORED) if order == 2 else content
        return np.frombuffer(content, np.uint8, rows * row_bytes).reshape(rows, row_bytes)
    if compression not in PACKED:
        raise ValueError(f"a compression of an unknown kind, {compression}")
    tags = {Tag.BitsPerSample: 8, Tag.PhotometricInterpretation: 1}
    tags |= {Tag.Compression: compression, Tag.FillOrder: order}
    return _by_libtiff(content, row_bytes, rows, tags)


def _by_libtiff(content: bytes, width: int, height: int, tags: dict[int, object]) -> np.ndarray:
    """Decode a strip or tile with libtiff, by wrapping it in a TIFF file of its own."""
    if width * height > 2 * (Image.MAX_IMAGE_PIXELS or MOST_BYTES):
        raise ValueError("a strip that is too large; save it without compression")
    directory = Directory()
    tags = {Tag.ImageWidth: width, Tag.ImageLength: height, Tag.RowsPerStrip: height, **tags}
    tags |= {Tag.StripOffsets: 0, Tag.StripByteCounts: len(content)}  # 0: right behind the tags
    for tag, value in tags.items():
        directory[tag] = value
    file = b"II*\0\x08\0\0\0" + directory.tobytes(8) + content
    with Image.open(io.BytesIO(file), formats=["TIFF"]) as image:
        return np.asarray(image)


def _numbers(page: Page, packed: np.ndarray, dtype: np.dtype, wide: int, depth: int) -> np.ndarray:
    """What the bytes of some rows say: (rows, wide, depth)."""
    rows, bits = len(packed), page.number(Tag.BitsPerSample, 1)
    predictor = page.number(Tag.Predictor, 1)
    order = "<" if page.tags.prefix == b"II" else ">"
    if bits not in SIZES:
        packed, order = _widened(packed, bits, wide * depth), ">"
    if predictor == 3:  # floats: their first bytes, then their second ones, ...
        sums = np.cumsum(packed.reshape(rows, -1, depth), axis=1, dtype=np.uint8)
        packed = np.ascontiguousarray(sums.reshape(rows, dtype.itemsize, -1).swapaxes(1, 2))
        packed, order = packed.reshape(rows, -1), ">"
    unsigned = np.dtype(f"u{dtype.itemsize}")
    values = packed.view(unsigned.newbyteorder(order)).reshape(rows, wide, depth)
    if predictor == 2:  # differences between neighbors
        values = np.cumsum(values, axis=1, dtype=unsigned)
    return values.astype(unsigned, copy=False).view(dtype)


def _widened(packed: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Numbers of a few bits in 16, some rows at a time."""
    parts = []
    for top in range(0, len(packed), 64):
        loose = np.unpackbits(packed[top : top + 64], axis=1, count=count * bits)
        loose = loose.reshape(-1, count, bits)
        parts.append(np.packbits(np.pad(loose, ((0, 0), (0, 0), (16 - bits, 0))), axis=2))
    return np.concatenate(parts).reshape(len(packed), -1)

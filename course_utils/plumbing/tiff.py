"""TIFF as scanners and cameras write it: which page is the photograph, and what its numbers mean
where Pillow refuses or misreads them."""

from collections.abc import Iterator
from math import inf
from typing import BinaryIO

import numpy as np
from PIL.TiffImagePlugin import ImageFileDirectory_v2 as Directory

from course_utils.plumbing.samples import FLOATS, INTEGERS, Samples
from course_utils.plumbing.tiff_values import JPEG, PLAIN, YCBCR, Page, Tag, read_values

MOST_PAGES = 1000  # that are looked at
DNG_VERSION = 0xC612
MOSAICS = {32803, 34892}  # what a camera's sensor saw, before it is developed
MODES = {0: "L", 1: "L", 2: "RGB", 5: "CMYK", YCBCR: "RGB"}  # by photometric interpretation
RAW = "a raw file; export it as JPEG or TIFF"
RAW_ENDINGS = {".cr3", ".orf", ".raf", ".rw2"}  # of raw files that do not begin as TIFF does


def is_tiff(file: BinaryIO) -> bool:
    """Whether a file begins as TIFF does."""
    beginning = file.read(4)
    file.seek(0)
    return beginning in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def find_photograph(file: BinaryIO) -> tuple[Page, int]:
    """The largest page, and the number of pages that are not thumbnails or masks.

    Raises:
        ValueError: a raw file, or a damaged one.
    """
    beginning = file.read(16)
    pages = list(_pages(file, beginning if b"+" in beginning[2:4] else beginning[:8]))
    if not pages:
        raise ValueError("a torn file")
    colors = {page.number(Tag.PhotometricInterpretation) for page in pages}
    if colors & MOSAICS or beginning[8:10] == b"CR" or DNG_VERSION in pages[0].tags:
        raise ValueError(RAW)
    whole = [page for page in pages if not page.number(Tag.NewSubfileType) & 0b101] or pages
    return max(whole, key=lambda page: page.size[0] * page.size[1]), len(whole)


def _pages(file: BinaryIO, header: bytes) -> Iterator[Page]:
    """Those in the file's chain, which Pillow counts, and those below each."""
    waiting, seen = [(Directory(header).next, 0)], {0}
    while waiting and len(seen) <= MOST_PAGES:
        offset, frame = waiting.pop()
        if offset in seen:
            continue
        seen.add(offset)
        file.seek(offset)
        page = Page(Directory(header), frame)
        page.tags.load(file)
        yield page
        if frame is not None:
            waiting.append((page.tags.next, frame + 1))
        waiting += [(below, None) for below in page.numbers(Tag.SubIFDs)]


def is_read_by_pillow(page: Page, file: BinaryIO) -> bool:
    """Whether Pillow reads a page, and rightly."""
    deep = max(page.numbers(Tag.BitsPerSample, 1)) > 8
    other = {*page.numbers(Tag.SampleFormat, 1)} != {1}
    misread = _is_marked_jpeg(page, file) or _is_coarse(page)
    return not (deep or other or misread or page.frame is None)


def _is_marked_jpeg(page: Page, file: BinaryIO) -> bool:
    """Whether the embedded JPEG declares its color space, which overrides the page's."""
    channels, planar = (Tag.SamplesPerPixel, Tag.PlanarConfiguration)
    if page.number(Tag.Compression) != JPEG or page.number(channels) != 3:
        return False
    file.seek(page.segments[0][0])
    beginning = file.read(64)
    return page.number(planar, 1) == 1 and (b"JFIF" in beginning or b"Adobe" in beginning)


def _is_coarse(page: Page) -> bool:
    """Whether a page is uncompressed YCbCr with chroma subsampling."""
    ycbcr = page.number(Tag.PhotometricInterpretation) == YCBCR
    fine = page.numbers(Tag.YCbCrSubSampling, 2, 2) == (1, 1)
    return ycbcr and not fine and page.number(Tag.Compression, PLAIN) == PLAIN


def read_samples(page: Page, file: BinaryIO) -> Samples:
    """The numbers of a page, and what they mean.

    Raises:
        ValueError: they are torn, of an unknown kind, or take too much memory.
    """
    colors = page.number(Tag.PhotometricInterpretation)
    if _is_marked_jpeg(page, file):
        colors = YCBCR
    elif colors not in MODES or (colors == YCBCR and not _is_coarse(page)):
        raise ValueError(f"colors of an unknown kind, {colors}")
    values, mode = read_values(page, file), MODES[colors]
    extra = page.number(Tag.ExtraSamples, 2) if values.shape[2] > len(mode) else 0
    return Samples(
        page.size,
        lambda first, end: values[first:end],
        mode,
        _whites(page, values.dtype),
        {1: "premultiplied", 2: "plain"}.get(extra, ""),
        white_is_zero=colors == 0,
    )


def _whites(page: Page, dtype: np.dtype) -> tuple[tuple[float, float], ...]:
    """Possible white levels, see `Samples`: 12-bit data may be stored in 16 bits."""
    if dtype.kind == "f":
        return FLOATS
    bits, declared = page.number(Tag.BitsPerSample, 1), page.number(Tag.MaxSampleValue)
    full = 2 ** (bits - (dtype.kind == "i")) - 1
    if 255 <= declared < full and (declared + 1).bit_count() == 1:  # others are statistics
        return (declared, declared), (inf, full)
    if bits == 16:
        return (255, 255), (4095, 4095), (inf, full)
    return (*INTEGERS[:-1], (inf, full)) if bits == 32 else ((inf, full),)

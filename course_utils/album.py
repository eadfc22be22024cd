"""Many photographs in one call: files and folders in, results and a contact sheet out."""

import io
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from glob import glob
from itertools import count
from math import ceil, sqrt
from os.path import exists, isdir, lexists, realpath  # unlike a Path's, of any text
from pathlib import Path

from PIL import ExifTags, Image, ImageDraw

from course_utils.colorize import colorize, to_network
from course_utils.hints import Hint
from course_utils.network import ColorizationNet
from course_utils.photos import all_files, is_named_picture, read_photo
from course_utils.plumbing.files import printable, write_atomic

SHEET = 400  # photographs on a contact sheet, at most
TOLD = 5  # names of files that were left out
RESULT = re.compile(r".*_color\.(png|jpg)|contact_sheet(_\d+)?\.jpg")
MOST_EXIF = 65_000  # bytes that fit into a JPEG
KINDS = {"png": {"format": "PNG"}, "jpg": {"format": "JPEG", "quality": 95, "subsampling": 0}}


@dataclass
class Album:
    """What became of each photograph."""

    made: dict[Path, Path] = field(default_factory=dict)  # photograph -> result
    kept: dict[Path, Path] = field(default_factory=dict)  # the same, from an earlier call
    failed: dict[Path, str] = field(default_factory=dict)  # photograph -> why

    @property
    def results(self) -> dict[Path, Path]:
        return self.made | self.kept


def colorize_album(
    photos: str | Path | Iterable[str | Path],
    model: ColorizationNet | str | Path,
    out: str | Path,
    size: int | None = None,
    kind: str = "png",
    overwrite: bool = False,
    on_photo: Callable[[Path, Album], None] | None = None,
    hints: Sequence[Hint] = (),
) -> Album:
    """Colorize photographs of any sizes, and all in folders; a broken one stops none of the others.

    Args:
        photos: a file, a folder or a pattern such as "*.jpg", or several. A folder is searched
            recursively, earlier results are left out, and new ones keep the places that the
            photographs have in it. Files that are not named as pictures are told in a warning.
        model: from `colorize.load_model` or `training.fit`, or what `load_model` takes.
        out: the folder for the results: a_color.png, or .jpg, of a.jpg, and a.png_color.png of an
            a.png beside it.
        size: the shorter side that the network sees, see `colorize.colorize`.
        kind: "png" loses nothing, "jpg" is smaller. EXIF is kept, and the result is upright and
            in sRGB.
        overwrite: replace results that are there already; else they are kept as they are.
        on_photo: called after each photograph.
        hints: the colors of some places, where there is one photograph; see `hints`.
    Raises:
        ValueError: an unknown kind, a folder without photographs, or one that is also `out`.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    if isinstance(photos, str | Path):
        photos = [photos]
    album, taken, model = Album(), {}, to_network(model)
    for photo, place in _places(list(map(Path, photos)), Path(out)):
        target = Path(out) / place.with_name(f"{place.name}_color.{kind}")
        try:
            first = taken.setdefault(target, photo)
            if first != photo:
                raise ValueError(
                    f"{photo}: expected another name than {first}, both would become {target}; "
                    "colorize them into two folders"
                )
            if exists(target) and not overwrite:
                album.kept[photo] = target
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(target, _encoded(colorize(photo, model, size, hints=hints), kind))
                album.made[photo] = target
        except ValueError as error:
            why = str(error)
            album.failed[photo] = why if why.startswith(f"{photo}: ") else f"{photo}: {why}"
        except OSError as error:
            why = error.strerror or error
            album.failed[photo] = f"{photo}: expected to write {target}, got: {why}"
        if on_photo is not None:
            on_photo(photo, album)
    return album


def write_contact_sheets(
    results: dict[Path, Path], out: Path, overwrite: bool = False
) -> list[Path]:
    """Write contact_sheet.jpg into a folder, and contact_sheet_2.jpg .. where one is not enough.

    Args:
        results: photograph -> result, from `Album.results`. What cannot be read is left out.
        overwrite: replace sheets that are there already; else the next free names are taken.
    """
    numbers = (f"_{number}" if number > 1 else "" for number in count(1))
    names = (out / f"contact_sheet{number}.jpg" for number in numbers)
    free = (name for name in names if overwrite or not lexists(name))
    pairs, sheets = list(results.items()), []
    for start in range(0, len(pairs), SHEET):
        content = io.BytesIO()
        contact_sheet(dict(pairs[start : start + SHEET])).save(content, "JPEG", quality=90)
        sheets.append(next(free))
        write_atomic(sheets[-1], content.getbuffer())
    return sheets


def contact_sheet(results: dict[Path, Path], side: int = 160) -> Image.Image:
    """Every photograph without its colors, and its result beside it, small, on one page,
    with its name below.

    Args:
        results: photograph -> result, from `Album.results`.
        side: the longer side of a small picture, in pixels.
    Raises:
        ValueError: nothing to show. The place of a file that cannot be read stays empty.
    """
    if not results:
        raise ValueError("results: expected at least one picture, got none")
    columns = ceil(sqrt(len(results) / 2))
    gap, caption = side // 20, max(12, side // 10)
    across, down = 2 * side + 2 * gap, side + caption + gap
    rows = ceil(len(results) / columns)
    sheet = Image.new("RGB", (columns * across + gap, rows * down + gap), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (photo, result) in enumerate(results.items()):
        left, top = number % columns * across + gap, number // columns * down + gap
        for file, offset in ((photo, 0), (result, side + gap // 2)):
            with suppress(ValueError):  # it was there before, and may be gone by now
                small = _contained(read_photo(file), side)
                small = small.convert("L") if offset == 0 else small
                sheet.paste(small, (left + offset, top + side - small.height))
        name = printable(photo.name)[: side // 4]
        draw.text((left, top + side), name, "black", font_size=0.7 * caption)
    return sheet


def _places(photos: list[Path], out: Path) -> list[tuple[Path, Path]]:
    """Each photograph, and the place of its result, without "_color" and the ending."""
    found, names, out = [], Names(), out.resolve()
    for photo in _matches(photos):
        if not isdir(photo):
            found.append((photo, Path(names.of(photo))))
            continue
        if photo.resolve() == out:
            raise ValueError(f"out: expected another folder than that of the photographs, {photo}")
        below = all_files(photo)
        if out.is_relative_to(photo.resolve()):  # earlier results are no photographs
            # Not by `resolve`, which in Python 3.11 and 3.12 fails on a link that loops.
            below = [file for file in below if not Path(realpath(file)).is_relative_to(out)]
        below = [file for file in below if not RESULT.fullmatch(file.name)]
        pictures = [file for file in below if is_named_picture(file)]
        _warn_of_others(photo, [file for file in below if not is_named_picture(file)])
        if not pictures:
            raise ValueError(f"{photo}: expected photographs in this folder, found none")
        found += [(file, file.relative_to(photo).with_name(names.of(file))) for file in pictures]
    return found


def _matches(photos: list[Path]) -> Iterator[Path]:
    """The files that match patterns, which some shells pass on."""
    for photo in photos:
        matches = [] if lexists(photo) else sorted(glob(str(photo), recursive=True))
        yield from map(Path, matches or [photo])


def _warn_of_others(folder: Path, others: list[Path]) -> None:
    names = [each.name for each in others if not each.name.startswith(".")]
    if names:
        some = ", ".join(names[:TOLD]) + (", .." if len(names) > TOLD else "")
        warnings.warn(f"{folder}: {len(names)} files not named as pictures: {some}", stacklevel=4)


class Names:
    """What results are called: as the photograph, without its ending if no other beside it that
    comes before has the same name without ending."""

    def __init__(self) -> None:
        self._first: dict[Path, dict[str, str]] = {}  # by folder: name without ending -> a file's

    def of(self, photo: Path) -> str:
        if photo.parent not in self._first:
            first = self._first[photo.parent] = {}
            with suppress(OSError):
                for file in sorted(filter(is_named_picture, photo.parent.iterdir())):
                    first.setdefault(file.stem.casefold(), file.name)
        first = self._first[photo.parent].get(photo.stem.casefold(), photo.name)
        return photo.stem if first == photo.name else photo.name


def _contained(picture: Image.Image, side: int) -> Image.Image:
    """A picture made small enough for a square; a thin strip keeps a pixel."""
    scale = side / max(picture.size)
    return picture.resize(tuple(max(1, round(length * scale)) for length in picture.size))


def _encoded(picture: Image.Image, kind: str) -> bytes:
    content, kept = io.BytesIO(), {}
    exif = _true_of_results(picture.info.get("exif", b""))
    if exif and (kind == "png" or len(exif) <= MOST_EXIF):
        kept["exif"] = exif
    dpi = picture.info.get("dpi", (0, 0))
    if all(1 <= each < 2**16 for each in dpi):
        kept["dpi"] = tuple(map(float, dpi))
    picture.save(content, **KINDS[kind], **kept)
    return content.getbuffer()


def _true_of_results(exif: bytes) -> bytes:
    """A photograph's EXIF in sRGB, and without its thumbnail; none, if it cannot be read."""
    tags = Image.Exif()
    try:
        tags.load(exif)
        photo = tags.get_ifd(ExifTags.IFD.Exif)
        if photo:
            photo[ExifTags.Base.ColorSpace] = 1
            photo.pop(ExifTags.IFD.Interop, None)  # names a color space, too
        return tags.tobytes() if len(tags) > 0 else b""
    except Exception:  # Pillow's readers raise errors of any kind
        return b""

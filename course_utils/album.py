"""Many photographs in one call: files and folders in, results and a contact sheet out."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from glob import glob
from itertools import count
from math import ceil, sqrt
from os import PathLike
from os.path import exists, isdir, isfile, lexists, realpath  # unlike a Path's, of any text
from pathlib import Path

from PIL import Image, ImageDraw

from course_utils.colorize import colorize, to_network
from course_utils.hints import Hint
from course_utils.network import ColorizationNet
from course_utils.photos import all_files, is_named_picture, photo_digest, read_photo
from course_utils.plumbing.arguments import as_kind
from course_utils.plumbing.files import make_folder, printable, some_of, write_atomic
from course_utils.plumbing.font import font
from course_utils.plumbing.limits import check_view
from course_utils.plumbing.results import (
    KINDS,
    NOTE,
    check_mark,
    describe_options,
    encode_result,
    make_mark,
    read_mark,
)

SHEET = 400  # photographs on a contact sheet, at most
MOST_LISTED = 2**26  # characters; a list of files must be shorter
ENDINGS = {".png": "png", ".jpg": "jpg", ".jpeg": "jpg"}


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
    kind: str | None = None,
    overwrite: bool = False,
    on_photo: Callable[[Path, Album], None] | None = None,
    hints: Sequence[Hint] = (),
) -> Album:
    """Colorize files and folders of photographs; one that fails does not stop the others.

    Args:
        photos: a file, a folder, a pattern such as `*.jpg`, a .txt file with one path per line, or
            several of these. A folder is searched recursively, without earlier results, and its
            subfolders are kept in `out`. Files without a picture's extension are skipped with a
            warning.
        model: from `colorize.load_model` or `training.fit`, or what `load_model` takes.
        out: the output folder: a.jpg becomes a_color.png (or .jpg), and an a.png beside it
            a.png_color.png. For a single photograph it can be a .png or .jpg file instead.
        size: the shorter side of the network's input in pixels, see `colorize.colorize`.
        kind: "png" (lossless) or "jpg" (smaller); by default the extension of `out`, else "png".
            Results are upright, in sRGB, keep the EXIF data, and say that the colors are a guess.
        overwrite: replace existing files. Otherwise an existing result of the same photograph,
            weights and options is kept, and any other existing file makes the photograph fail.
        on_photo: called with the photograph and the album so far, after each photograph.
        hints: color hints, for a single photograph only; see `hints`.
    Returns:
        An `Album`, which says what became of each photograph.
    Raises:
        TypeError: photos that are not paths.
        ValueError: an unknown kind, a folder without photographs, an `out` that cannot be written
            or is the folder of the photographs, or hints for several photographs.
    """
    if isinstance(photos, str | PathLike) or not isinstance(photos, Iterable):
        photos = [photos]
    photos = [Path(as_kind("photos", photo, str)) for photo in photos]
    out, model = Path(as_kind("out", out, str)), to_network(model)
    size = model.size if size is None else size
    check_view(size)
    options = describe_options(model, size, hints)
    targets = _targets(photos, out, kind)
    if hints and len(targets) > 1:
        raise ValueError(f"hints: expected one photograph, got {len(targets)}")
    album, taken, sources = Album(), {}, {realpath(photo) for photo, _ in targets}
    for photo, target in targets:
        try:
            if realpath(target) in sources:
                raise ValueError(f"expected another place than {target}, that is a photograph")
            _check_alone(photo, target, taken)
            mark = make_mark(photo_digest(photo), options)
            if exists(target) and not overwrite:
                check_mark(target, mark)
                album.kept[photo] = target
            else:
                picture = colorize(photo, model, size, hints=hints)
                target.parent.mkdir(parents=True, exist_ok=True)
                content = encode_result(picture, ENDINGS[target.suffix.lower()], mark)
                write_atomic(target, content, new=not overwrite)
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
    """Write contact_sheet.jpg to a folder, then contact_sheet_2.jpg, ... as needed.

    Args:
        results: photograph -> result, from `Album.results`. A file that cannot be read leaves its
            place on the sheet empty.
        out: the folder.
        overwrite: replace existing sheets; otherwise use the next free names.
    Returns:
        The sheets that were written, `SHEET` photographs on each at most.
    """
    numbers = (f"_{number}" if number > 1 else "" for number in count(1))
    names = (out / f"contact_sheet{number}.jpg" for number in numbers)
    free = (name for name in names if overwrite or not lexists(name))
    pairs, sheets = list(results.items()), []
    for start in range(0, len(pairs), SHEET):
        sheet = contact_sheet(dict(pairs[start : start + SHEET]))
        sheets.append(next(free))
        write_atomic(sheets[-1], encode_result(sheet, "jpg", NOTE))
    return sheets


def contact_sheet(results: dict[Path, Path], side: int = 160) -> Image.Image:
    """Draw thumbnails on one page: each photograph in gray, its result beside it, its name below.

    Args:
        results: photograph -> result, from `Album.results`.
        side: the longer side of a thumbnail, in pixels.
    Returns:
        An RGB picture. The place of a file that cannot be read stays empty.
    Raises:
        ValueError: no results.
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
            with suppress(ValueError):  # the file may be gone by now
                small = _contained(read_photo(file), side)
                small = small.convert("L") if offset == 0 else small
                sheet.paste(small, (left + offset, top + side - small.height))
        name = printable(photo.name)[: side // 4]
        draw.text((left, top + side), name, "black", font(0.7 * caption))
    return sheet


def _targets(photos: list[Path], out: Path, kind: str | None) -> list[tuple[Path, Path]]:
    """Each photograph, and the file for its result."""
    if kind not in (None, *KINDS):
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    is_file = is_named_picture(out) and not isdir(out)
    named = ENDINGS.get(out.suffix.lower())
    if is_file and (named is None or kind not in (None, named)):
        wanted = f"a file named as {kind}" if kind else "a file named as .png or .jpg"
        raise ValueError(f"out: expected a folder, or {wanted}, got {out}")
    found = _found(photos, out)
    if is_file and len(found) > 1:
        raise ValueError(f"out: expected a folder for {len(found)} photographs, got {out}")
    make_folder(out.parent if is_file else out)
    if is_file:
        return [(photo, out) for photo, _ in found]
    end = f"_color.{kind or 'png'}"
    return [(photo, out / place.with_name(place.name + end)) for photo, place in found]


def _check_alone(photo: Path, target: Path, taken: dict[Path, Path]) -> None:
    """Reserve a target for a photograph; ValueError if another photograph has reserved it."""
    first = taken.setdefault(target, photo)
    if first != photo:
        raise ValueError(
            f"expected another name than {first}, both would become {target}; colorize them into "
            "two folders"
        )


def _found(photos: list[Path], out: Path) -> list[tuple[Path, Path]]:
    """Each photograph, and the relative path of its result without "_color" and extension."""
    found, names, out = [], Names(), out.resolve()
    for photo in _matches(_listed(photos)):
        if not isdir(photo):
            found.append((photo, Path(names.of(photo))))
            continue
        if photo.resolve() == out:
            raise ValueError(f"out: expected another folder than that of the photographs, {photo}")
        below = all_files(photo)
        if out.is_relative_to(photo.resolve()):  # skip earlier results
            # Not `resolve`, which fails on a symlink loop in Python 3.11 and 3.12.
            below = [file for file in below if not Path(realpath(file)).is_relative_to(out)]
        named = [file for file in below if is_named_picture(file)]
        pictures = [file for file in named if not read_mark(file)]
        _warn_of_others(photo, [file for file in below if not is_named_picture(file)])
        if not pictures:
            what = "only results" if named else "none"
            raise ValueError(f"{photo}: expected photographs in this folder, found {what}")
        found += [(file, file.relative_to(photo).with_name(names.of(file))) for file in pictures]
    return found


def _matches(photos: Iterable[Path]) -> Iterator[Path]:
    """Expand patterns that the shell did not; a path that matches nothing is passed on as it is."""
    for photo in photos:
        matches = [] if lexists(photo) else sorted(glob(str(photo), recursive=True))
        yield from map(Path, matches or [photo])


def _listed(photos: list[Path]) -> Iterator[Path]:
    """Replace each .txt file by the paths in it, one per line."""
    for photo in photos:
        if photo.suffix.lower() != ".txt" or not isfile(photo):
            yield photo
            continue
        with open(photo, encoding="utf-8-sig", errors="surrogateescape") as file:
            text = file.read(MOST_LISTED)
        if "\0" in text or len(text) == MOST_LISTED:
            raise ValueError(f"{photo}: expected a list of files in UTF-8, a line each")
        yield from map(Path, filter(None, map(str.strip, text.splitlines())))


def _warn_of_others(folder: Path, others: list[Path]) -> None:
    names = [each.name for each in others if not each.name.startswith(".")]
    if names:
        told = f"{folder}: {len(names)} files not named as pictures: {some_of(names)}"
        warnings.warn(told, stacklevel=4)


class Names:
    """Names of results: the photograph's stem, or its full name if a picture that sorts earlier in
    the same folder has the same stem."""

    def __init__(self) -> None:
        self._first: dict[Path, dict[str, str]] = {}  # folder -> stem -> file name

    def of(self, photo: Path) -> str:
        if photo.parent not in self._first:
            first = self._first[photo.parent] = {}
            with suppress(OSError):
                for file in sorted(filter(is_named_picture, photo.parent.iterdir())):
                    first.setdefault(file.stem.casefold(), file.name)
        first = self._first[photo.parent].get(photo.stem.casefold(), photo.name)
        return photo.stem if first == photo.name else photo.name


def _contained(picture: Image.Image, side: int) -> Image.Image:
    """Resize a picture so that its longer side is `side`; no side becomes less than 1 pixel."""
    scale = side / max(picture.size)
    return picture.resize(tuple(max(1, round(length * scale)) for length in picture.size))

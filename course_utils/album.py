"""Many photographs in one call: files and folders in, results and a contact sheet out."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import ceil, sqrt
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from course_utils.colorize import colorize
from course_utils.network import ColorizationNet
from course_utils.photos import all_files, is_named_picture, read_photo
from course_utils.weights import write_whole

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
    photos: Iterable[str | Path],
    model: ColorizationNet,
    out: str | Path,
    size: int | None = None,
    kind: str = "png",
    overwrite: bool = False,
    on_photo: Callable[[Path, Album], None] | None = None,
) -> Album:
    """Colorize photographs of any sizes, and all in folders; a broken one stops none of the others.

    Args:
        photos: files and folders. A folder is searched recursively, and its results keep the
            places that the photographs have in it.
        model: from `colorize.load_model` or `training.fit`.
        out: the folder for the results: NAME_color.png, or .jpg.
        size: the shorter side that the network sees, see `colorize.colorize`.
        kind: "png" loses nothing, "jpg" is smaller. EXIF is kept, and the result is upright and
            in sRGB.
        overwrite: replace results that are there already; else they are kept as they are.
        on_photo: called after each photograph.
    Raises:
        ValueError: an unknown kind, a folder without photographs, or one that is also `out`.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    album, taken = Album(), {}
    for photo, place in _places(list(map(Path, photos)), Path(out)):
        target = Path(out) / place.with_name(f"{place.stem}_color.{kind}")
        try:
            first = taken.setdefault(target, photo)
            if first != photo:
                raise ValueError(
                    f"{photo}: expected another name than {first}, both would become {target}; "
                    "colorize them into two folders"
                )
            if target.exists() and not overwrite:
                album.kept[photo] = target
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                write_whole(target, _encoded(colorize(photo, model, size), kind))
                album.made[photo] = target
        except (ValueError, OSError) as error:
            album.failed[photo] = str(error)
        if on_photo is not None:
            on_photo(photo, album)
    return album


def contact_sheet(results: dict[Path, Path], side: int = 160) -> Image.Image:
    """Every photograph without its colors, and its result beside it, small, on one page,
    with its name below.

    Args:
        results: photograph -> result, from `Album.results`.
        side: the longer side of a small picture, in pixels.
    Raises:
        ValueError: nothing to show, or a file that cannot be read.
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
        gray = read_photo(photo).convert("L")
        for offset, picture in ((0, gray), (side + gap // 2, read_photo(result))):
            small = ImageOps.contain(picture, (side, side))
            sheet.paste(small, (left + offset, top + side - small.height))
        draw.text((left, top + side), photo.name[: side // 4], "black", font_size=0.7 * caption)
    return sheet


def _places(photos: list[Path], out: Path) -> list[tuple[Path, Path]]:
    """Each photograph, and its place below the folder that it was found in."""
    found, out = [], out.resolve()
    for photo in photos:
        if not photo.is_dir():
            found.append((photo, Path(photo.name)))
            continue
        if photo.resolve() == out:
            raise ValueError(f"out: expected another folder than that of the photographs, {photo}")
        below = [file for file in all_files(photo) if is_named_picture(file)]
        if out.is_relative_to(photo.resolve()):  # earlier results are no photographs
            below = [file for file in below if not file.resolve().is_relative_to(out)]
        if not below:
            raise ValueError(f"{photo}: expected photographs in this folder, found none")
        found += [(file, file.relative_to(photo)) for file in below]
    return found


def _encoded(picture: Image.Image, kind: str) -> bytes:
    content = io.BytesIO()
    exif = {"exif": picture.info["exif"]} if picture.info.get("exif") else {}
    picture.save(content, **KINDS[kind], **exif)
    return content.getvalue()

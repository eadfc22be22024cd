"""Photographs decoded and converted once, kept on disk as Lab, and from then on only read.

A cache is a folder with `lab.bin`, float16 (N, 3, H, W), and `index.json`, with an entry for every
file. Its name contains a hash of the files' names, sizes and modification times, so when any of
them changes, the cache is rebuilt. It is built under a temporary name and renamed when complete,
so an interrupted build is never mistaken for a complete one.
"""

import errno
import glob
import hashlib
import json
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor

from course_utils.color import rgb_to_lab
from course_utils.photos import Fit, mean_chroma, read_ordinary, read_pixels, resize
from course_utils.plumbing.duplicates import dhash
from course_utils.plumbing.files import data_home, printable, short_hash
from course_utils.plumbing.progress import progress_bar, say

VERSION = 4  # of the format and of everything that decides about pixels
AT_ONCE = 128  # photographs in work at a time while a cache is built, at most
BYTES_AT_ONCE = 2**27  # that their Lab takes


@dataclass
class Entry:
    """What became of one file."""

    name: str  # relative to the folder
    digest: str = ""  # sha256 of its content; empty if it could not be read
    row: int = -1  # in lab.bin; -1 if it is not a picture that can be read
    chroma: float = 0.0  # its mean chroma
    dhash: str = ""  # a hash that near-duplicates share for the most part
    problem: str = ""  # why it is not in lab.bin


def open_cache(
    files: list[Path],
    root: Path,
    size: int,
    fit: Fit = "stretch",
    progress: bool = False,
    part: str = "",
) -> tuple[Path, list[Entry]]:
    """Find or build the cache of some files.

    Args:
        files: pictures below `root`.
        size: height and width of what is kept.
        fit: see `photos.resize`.
        progress: show a progress bar while the cache is built.
        part: a name for this subset of the pictures below `root`; each part has its own cache,
            so opening one does not delete another's.
    Returns:
        the path of lab.bin, and an entry for each file, in the order of `files`.
    Raises:
        ValueError: no room on the disk, no permission to write, or a cache that was changed.
    """
    place = data_home() / "cache"
    whole = root.resolve()
    stem = f"{whole.name[:40]}-{size}-{fit}-{short_hash(whole.as_posix() + part)}"
    folder = place / f"{stem}-{_fingerprint(files, root)}"
    if not (folder / "index.json").is_file():
        try:
            place.mkdir(parents=True, exist_ok=True)
            with FileLock(place / f"{stem}.lock"):  # a second process waits, and then finds it
                if not (folder / "index.json").is_file():
                    _build(folder, stem, files, root, size, fit, progress)
        except OSError as error:
            free = shutil.disk_usage(_existing(place)).free / 2**20
            needed = _cache_bytes(files, size) / 2**20
            raise ValueError(
                f"cache: cannot write to {place} ({error.strerror}); {needed:.0f} MB are needed, "
                f"{free:.0f} MB are free. Set COURSE_DATA to a folder with room"
            ) from error
    try:
        entries = [Entry(**each) for each in json.loads((folder / "index.json").read_text("utf-8"))]
        kept = sum(entry.row >= 0 for entry in entries)
        if (folder / "lab.bin").stat().st_size != kept * 3 * size**2 * torch.float16.itemsize:
            raise ValueError("another length")
    except (ValueError, TypeError, OSError, RecursionError):
        raise ValueError(
            f"cache: expected what was written, {folder} has changed; delete it"
        ) from None
    return folder / "lab.bin", entries


def _build(
    folder: Path,
    stem: str,
    files: list[Path],
    root: Path,
    size: int,
    fit: Fit,
    progress: bool,
) -> None:
    for left in folder.parent.glob(
        f"{glob.escape(stem)}-*"
    ):  # of an earlier state, or of one that was killed
        shutil.rmtree(left, ignore_errors=True)
    needed = _cache_bytes(files, size)
    if shutil.disk_usage(folder.parent).free < needed:
        raise OSError(errno.ENOSPC, "No space left on device")

    def convert(file: Path) -> tuple[Entry, Tensor | None]:
        digest, content = _read(file)
        entry = Entry(file.relative_to(root).as_posix(), digest)
        try:
            pixels = read_pixels(file, content)
        except ValueError as error:
            entry.problem = str(error).removeprefix(f"{file}: ")
            return entry, None
        small = resize(pixels, (size, size), fit)
        entry.dhash = dhash(pixels)
        lab = rgb_to_lab(small)
        entry.chroma = mean_chroma(lab).item()
        return entry, lab.half()

    if progress:
        size_told = f"up to {needed / 1e6:,.1f} MB in {printable(folder.parent)}"
        say(f"Converting {len(files):,} photographs to {size}x{size} Lab: {size_told}")
    building = Path(tempfile.mkdtemp(prefix=f"{stem}-building-", dir=folder.parent))
    entries: list[Entry] = []
    rows = 0
    bar = progress_bar(
        total=len(files), desc=f"converting {root.name}", unit="photo", disable=not progress
    )
    try:
        # Threads are enough: decoding, resizing and numpy release Python's global lock.
        with (
            bar,
            open(building / "lab.bin", "wb") as out,
            ThreadPoolExecutor(torch.get_num_threads()) as pool,
        ):
            convert_all = pool.map if torch.get_num_threads() > 1 else map
            at_once = max(1, min(AT_ONCE, BYTES_AT_ONCE // _cache_bytes(files[:1], size)))
            for start in range(0, len(files), at_once):
                for entry, lab in convert_all(convert, files[start : start + at_once]):
                    if lab is not None:
                        out.write(lab.numpy().data)
                        entry.row, rows = rows, rows + 1
                    entries.append(entry)
                    bar.update()
        index = json.dumps([vars(entry) for entry in entries])
        (building / "index.json").write_text(index, "utf-8")
        os.replace(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _cache_bytes(files: list[Path], size: int) -> int:
    """How large lab.bin becomes at most."""
    return len(files) * 3 * size**2 * torch.float16.itemsize


def _fingerprint(files: list[Path], root: Path) -> str:
    lines = [f"version {VERSION}"]
    for file in files:
        try:
            state = file.stat()
            lines.append(f"{file.relative_to(root)} {state.st_size} {state.st_mtime_ns}")
        except OSError:  # a dead link, or no right to read it
            lines.append(f"{file.relative_to(root)} unreadable")
    return short_hash("\n".join(lines))


def _read(file: Path) -> tuple[str, bytearray | None]:
    """The sha256 of a file, empty if it cannot be read, and what `read_ordinary` gives."""
    try:
        content = read_ordinary(file)
        if content is not None:
            return hashlib.sha256(content).hexdigest(), content
        if not file.is_file():  # a pipe would be waited for
            return "", None
        with open(file, "rb") as large:
            return hashlib.file_digest(large, "sha256").hexdigest(), None
    except OSError:
        return "", None


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())

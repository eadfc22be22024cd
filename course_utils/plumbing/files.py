"""Where files lie, how they are written, and how their names are printed."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

TOLD = 5  # names in one line


def data_home() -> Path:
    """Where caches and downloads land: $COURSE_DATA, or the data/ folder of a checkout, or a
    folder in the user's own cache."""
    if chosen := os.environ.get("COURSE_DATA"):
        return Path(chosen)
    checkout = Path(__file__).resolve().parent.parent.parent
    if (checkout / "pyproject.toml").is_file():
        return checkout / "data"
    return Path.home() / ".cache" / "colorization-course"


def make_folder(path: str | Path) -> Path:
    """A folder that can be written to.

    Raises:
        ValueError: it cannot be.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return Path(path)
    except OSError as error:
        raise ValueError(
            f"out: expected a folder that can be written to, got {path} ({error.strerror}); "
            "choose another"
        ) from None


def write_atomic(path: str | Path, content: bytes, new: bool = False) -> None:
    """Write a file atomically: an interrupted write never leaves a partial file at `path`.

    Args:
        new: never replace an existing file, even one that another process has just written.
    Raises:
        FileExistsError: `new` is set and the file exists.
        OSError: with the file's name, which the system omits when the disk is full.
    """
    # A fresh temporary name overwrites no file and follows no link. Its stem is cut to 40
    # characters, because the target's own name may already have the maximum length.
    part = Path(path)
    part = part.with_name(f"{part.name[:40]}.{secrets.token_hex(8)}.part")
    try:
        with open(part, "xb") as file:
            file.write(content)
        if new:
            _move_new(part, Path(path))
        else:
            part.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def _move_new(part: Path, path: Path) -> None:
    try:
        os.link(part, path)  # which fails where a file is
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        part.replace(path)


def short_hash(text: str) -> str:
    """The first 16 hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def printable(name: object) -> str:
    """A name with its control characters escaped: the name of a file may hold a line break, or a
    command to the terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(name))


def some_of(names: list[str]) -> str:
    """The first of many names, for one line."""
    return ", ".join(names[:TOLD]) + (", .." if len(names) > TOLD else "")

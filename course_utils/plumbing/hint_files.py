"""Color hints as text: on a command line and in a file. Nothing here needs torch, so that a mistake
is told at once."""

import json
import re
from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path

MOST_HINTS = 200  # of a photograph: bounds memory
MOST_BYTES = 2**16  # of a file of hints
HEX = "#[0-9a-fA-F]{6}"
RGB = tuple[int, int, int]


def check_place(x: object, y: object) -> None:
    """Raise ValueError unless x (from the left) and y (from the top) are numbers in [0, 1]."""
    for name, value in (("x", x), ("y", y)):
        if not _is_number(value) or not 0 <= value <= 1:
            raise ValueError(f"{name}: expected a number in [0, 1], got {_short(value)}")


def check_ab(a: object, b: object) -> None:
    """Raise ValueError unless a and b are numbers in [-128, 128], in CIE units."""
    for name, value in (("a", a), ("b", b)):
        if not _is_number(value) or not -128 <= value <= 128:
            raise ValueError(f"{name}: expected a number in [-128, 128], got {_short(value)}")


def as_rgb(color: object) -> RGB:
    """A color, "#rrggbb" or three 8-bit numbers, as three 8-bit numbers.

    Raises:
        ValueError: anything else.
    """
    if isinstance(color, str) and re.fullmatch(HEX, color):
        return tuple(bytes.fromhex(color[1:]))
    if isinstance(color, tuple | list) and len(color) == 3 and all(map(_is_byte, color)):
        return tuple(map(int, color))
    raise ValueError(f'color: expected "#rrggbb" or three numbers 0 to 255, got {_short(color)}')


def as_hex(rgb: RGB) -> str:
    """Three 8-bit numbers as "#rrggbb"."""
    return f"#{bytes(rgb).hex()}"


def parse_hint(text: str) -> tuple[float, float, RGB]:
    """X,Y=#rrggbb, as after --hint, as (x, y, color).

    Raises:
        ValueError: any other text.
    """
    place, _, color = text.partition("=")
    try:
        x, y = map(float, place.split(","))
    except ValueError:
        raise ValueError(f"hint: expected X,Y=#rrggbb, got {_short(text)}") from None
    check_place(x, y)
    if not re.fullmatch(HEX, color):
        raise ValueError(f"hint: expected a color as #rrggbb, such as #c03020, got {_short(color)}")
    return x, y, as_rgb(color)


def read_hints(path: str | Path) -> list[tuple[float, float, RGB]]:
    """A JSON file, a list of {"x": .., "y": .., "color": "#rrggbb"}, as (x, y, color).

    Raises:
        ValueError: no such file, or not a file of at most `MOST_HINTS` hints.
    """
    try:
        if Path(path).exists() and not 0 < Path(path).stat().st_size <= MOST_BYTES:
            raise ValueError("a file of another length")
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(entries, list) or len(entries) > MOST_HINTS:
            raise ValueError(f"no list of at most {MOST_HINTS} hints")
        return [_entry(each) for each in entries]
    except FileNotFoundError:
        raise ValueError(f"{path}: expected a file of hints, no such file") from None
    except (ValueError, OSError, RecursionError) as error:
        raise ValueError(f"{path}: expected a file of hints, got: {str(error)[:200]}") from None


def hints_as_json(hints: Iterable[tuple[float, float, RGB]]) -> bytes:
    """The file that `read_hints` reads."""
    entries = [{"x": x, "y": y, "color": as_hex(rgb)} for x, y, rgb in hints]
    return (json.dumps(entries, indent=1) + "\n").encode()


def _entry(entry: object) -> tuple[float, float, RGB]:
    if not isinstance(entry, dict) or set(entry) != {"x", "y", "color"}:
        raise ValueError(f"{_short(entry)} in place of x, y and color")
    check_place(entry["x"], entry["y"])
    return entry["x"], entry["y"], as_rgb(entry["color"])


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_byte(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and 0 <= value <= 255


def _short(value: object) -> str:
    return repr(value)[:60]

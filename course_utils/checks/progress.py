"""Which exercises are done: a small file of the learner's own, outside the course's folder."""

import json
import os
from contextlib import suppress
from datetime import date
from pathlib import Path

from course_utils.plumbing.files import write_atomic

EXERCISES: dict[str, tuple[str, str]] = {}  # check -> its lesson's module, and what it is called


def file() -> Path:
    """In $COURSE_DATA where that is set, else in the learner's home."""
    return Path(os.environ.get("COURSE_DATA") or Path.home() / ".colorization-course") / "done.json"


def done() -> dict[str, str]:
    """Check -> the day on which it was first passed. Empty if nothing can be read."""
    with suppress(OSError, ValueError):
        known = json.loads(file().read_text(encoding="utf-8"))
        if isinstance(known, dict):
            return {name: str(day) for name, day in known.items() if name in EXERCISES}
    return {}


def remember(check: str) -> None:
    """Note a passed check; where nothing can be written, nothing is."""
    known = done()
    if check not in known:
        with suppress(OSError):
            file().parent.mkdir(parents=True, exist_ok=True)
            known[check] = date.today().isoformat()
            write_atomic(file(), (json.dumps(known, indent=1) + "\n").encode())


def table(lessons: dict[str, str]) -> str:
    """Every exercise of every lesson, and whether it is done.

    Args:
        lessons: module of the checks -> name of the lesson, in the order of the course.
    """
    known, lines, wide = done(), [], max(map(len, lessons.values()))
    for module, lesson in lessons.items():
        mine = {name: title for name, (where, title) in EXERCISES.items() if where == module}
        count = sum(name in known for name in mine)
        lines.append(f"{lesson:{wide}} {count} of {len(mine)}")
        lines += [f"  {'✓' if name in known else '○'} {title}" for name, title in mine.items()]
    return "\n".join(lines)

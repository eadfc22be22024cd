"""The lessons, their exercises, and which of them the learner has done.

Done exercises are kept in a small file of the learner's own, outside the course's folder. Nothing
here needs torch, so that `course progress` answers at once.
"""

import ast
import json
import os
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path

from course_utils.plumbing.files import write_atomic

LESSON_SECONDS = {  # what Run All takes on two cores, see `doctor.probe`
    "00_start_here": 20,
    "01_lab_color": 12,
    "02_data": 18,
    "03_dilated_cnn": 18,
    "04_l2_training": 105,
    "05_results": 14,
    "06_color_as_classification": 15,
    "07_you_hold_the_brush": 20,
    "08_your_own_photos_and_bigger_machines": 40,
}
CHECKS = Path(__file__).resolve().parent.parent / "checks"


@cache
def exercises() -> dict[str, tuple[str, str]]:
    """Check -> the module of its lesson, and its title; read off the source of the checks."""
    found = {}
    for module in (lesson[3:] for lesson in LESSON_SECONDS):
        tree = ast.parse((CHECKS / f"{module}.py").read_text(encoding="utf-8"))
        for node in (each for each in tree.body if isinstance(each, ast.FunctionDef)):
            for call in (each for each in node.decorator_list if isinstance(each, ast.Call)):
                if ast.unparse(call.func) == "check":
                    found[node.name] = (module, call.args[0].value)
    return found


def file() -> Path:
    """In $COURSE_DATA where that is set, else in the learner's home."""
    return Path(os.environ.get("COURSE_DATA") or Path.home() / ".colorization-course") / "done.json"


def done() -> dict[str, str]:
    """Check -> the day on which it was first passed. Empty if nothing can be read."""
    with suppress(OSError, ValueError):
        known = json.loads(file().read_text(encoding="utf-8"))
        if isinstance(known, dict):
            return {name: str(day) for name, day in known.items() if name in exercises()}
    return {}


def remember(check: str) -> None:
    """Note a passed check; where nothing can be written, nothing is."""
    known = done()
    if check not in known:
        with suppress(OSError):
            file().parent.mkdir(parents=True, exist_ok=True)
            known[check] = date.today().isoformat()
            write_atomic(file(), (json.dumps(known, indent=1) + "\n").encode())


def table() -> str:
    """Every exercise of every lesson, in the order of the course, and whether it is done."""
    known, lines, wide = done(), [], max(map(len, LESSON_SECONDS))
    for lesson in LESSON_SECONDS:
        module = lesson[3:]
        mine = {name: title for name, (where, title) in exercises().items() if where == module}
        count = sum(name in known for name in mine)
        lines.append(f"{lesson:{wide}} {count} of {len(mine)}")
        lines += [f"  {'✓' if name in known else '○'} {title}" for name, title in mine.items()]
    return "\n".join(lines)

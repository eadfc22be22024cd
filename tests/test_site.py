"""The web site's list of modules. The rest is tested by building it, with warnings as errors."""

import re
from pathlib import Path

import course_utils

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "course_utils"


def test_every_module_is_on_the_path_around_it_or_plumbing() -> None:
    page = (ROOT / "site" / "api.rst").read_text()
    parts = re.split(r"\n(The path|Around it|Plumbing)\n-+\n", page)
    path, around, plumbing = (re.findall(r"~course_utils\.([\w.]+)", part) for part in parts[2::2])
    modules = {file.stem for file in PACKAGE.glob("[!_]*.py")}
    packages = {file.parent.name for file in PACKAGE.glob("*/__init__.py")} - {"plumbing"}
    assert sorted(path + around) == sorted(modules | packages)
    below = {f"plumbing.{file.stem}" for file in PACKAGE.glob("plumbing/[!_]*.py")}
    assert sorted(plumbing) == sorted(below)
    assert re.findall(r"^    (\w+)  .* lessons? ", course_utils.__doc__, re.M) == path
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert " → ".join(f"`{name}`" for name in path) in contributing
    for name in (*path, *plumbing):  # what the path stands on is never around it
        text = (PACKAGE / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8")
        imported = set(re.findall(r"from course_utils(?:\.| import )(\w+)", text))
        assert not imported & set(around), name


def test_a_notebook_starts_with_names_of_the_package() -> None:
    assert all(callable(getattr(course_utils, name)) for name in course_utils.__all__)

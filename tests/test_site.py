"""The web site's list of modules. The rest is tested by building it, with warnings as errors."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "course_utils"


def test_each_module_stands_below_those_that_it_imports() -> None:
    listed = re.findall(r"~course_utils\.(\w+)", (ROOT / "site" / "api.rst").read_text())
    modules = {file.stem for file in PACKAGE.glob("[!_]*.py")}
    packages = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    assert sorted(listed) == sorted(modules | packages)
    for place, name in enumerate(listed):
        for file in [*PACKAGE.glob(f"{name}.py"), *PACKAGE.glob(f"{name}/*.py")]:
            text = file.read_text(encoding="utf-8")
            imported = set(re.findall(r"from course_utils(?:\.| import )(\w+)", text))
            assert imported <= {*listed[:place], name}, file

"""After a fork: rewrite the course's address, `python tools/set_home.py OWNER/NAME`.

Badges, set-up cells and the README name the address that stands in pyproject.toml, and that of the
web site, which follows from it.
"""

import argparse
import re
import tomllib
from pathlib import Path

NAMING = ("pyproject.toml", "README.md", "CONTRIBUTING.md", "CITATION.cff", "notebooks/*.ipynb")
# OWNER/NAME, after what leads to it in addresses of GitHub, Colab and Binder.
ADDRESS = re.compile(
    r"((?:github\.com|research\.google\.com/github|mybinder\.org/v2/gh)/)([\w.-]+/[\w-]+)"
)


def home_of(root: Path) -> str:
    """OWNER/NAME of the course in a folder.

    Raises:
        ValueError: not a folder of the course.
    """
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return ADDRESS.search(project["urls"]["Repository"])[2]
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError):
        raise ValueError(
            f"{root}: expected the folder of the course, with its pyproject.toml; go there first"
        ) from None


def site_of(home: str) -> str:
    """Where GitHub publishes the web site of OWNER/NAME."""
    owner, name = home.split("/")
    return f"https://{owner}.github.io/{name}/"


def set_home(root: Path, home: str) -> list[Path]:
    """Rewrite the address in every file that names it, and return those that changed.

    Raises:
        ValueError: not OWNER/NAME, or not a folder of the course.
    """
    if not re.fullmatch(r"[\w.-]+/[\w-]+", home, re.ASCII):
        raise ValueError(f"home: expected OWNER/NAME, as GitHub has it, got {home!r}")
    before, changed = home_of(root), []

    def renamed(found: re.Match) -> str:
        return found[1] + (home if found[2] == before else found[2])

    for file in sorted(file for pattern in NAMING for file in root.glob(pattern)):
        text = file.read_bytes().decode()
        new = ADDRESS.sub(renamed, text).replace(site_of(before), site_of(home))
        if new != text:
            file.write_bytes(new.encode())
            changed.append(file)
    return changed


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", metavar="OWNER/NAME")
    try:
        for file in set_home(Path.cwd(), parser.parse_args(arguments).home):
            print(file.relative_to(Path.cwd()))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()

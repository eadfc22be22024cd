"""The root: what the README, the lessons and the version files say of each other."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from course_utils.plumbing.lessons import LESSON_SECONDS

ROOT = Path(__file__).resolve().parent.parent
CONDA_NAMES = {"torch": "pytorch"}


def requirement(text: str) -> tuple[str, str]:
    name, _, version = re.fullmatch(r"([\w-]+)(==|>=|=)([\d.]+)", text).groups()
    return name, version


@pytest.fixture(scope="module")
def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def wanted(pyproject: dict) -> dict[str, str]:
    groups = pyproject["dependency-groups"]
    texts = pyproject["project"]["dependencies"] + [
        each for group in groups.values() for each in group if isinstance(each, str)
    ]
    return dict(requirement(text) for text in texts)


def test_every_package_has_a_tested_version_within_its_range(pyproject: dict) -> None:
    pins = dict(map(requirement, pyproject["tool"]["uv"]["constraint-dependencies"]))
    ranges = wanted(pyproject)
    assert set(pins) == set(ranges)
    for name, least in ranges.items():
        assert numbers(pins[name]) >= numbers(least), name


def test_the_conda_environment_is_the_same_set_without_the_web_site(pyproject: dict) -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    listed = [each for each in environment["dependencies"] if isinstance(each, str)]
    conda = dict(map(requirement, (each for each in listed if each != "pip")))
    assert conda.pop("python") == pyproject["project"]["requires-python"].removeprefix(">=")
    pins = dict(map(requirement, pyproject["tool"]["uv"]["constraint-dependencies"]))
    group = pyproject["dependency-groups"]["site"]
    site = dict(requirement(each) for each in group if isinstance(each, str))
    expected = {
        CONDA_NAMES.get(name, name): ".".join(version.split(".")[:2])
        for name, version in pins.items()
        if name not in site
    }
    assert conda == expected


def test_every_lesson_is_in_the_tables_with_its_minutes() -> None:
    lessons = sorted(file.stem for file in (ROOT / "notebooks").glob("*.ipynb"))
    assert list(LESSON_SECONDS) == lessons
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    start = (ROOT / "notebooks" / "00_start_here.ipynb").read_text(encoding="utf-8")
    for lesson, seconds in LESSON_SECONDS.items():
        minutes = -(-seconds // 60)
        row = next(line for line in readme.splitlines() if f"{lesson}.ipynb) |" in line)
        assert row.endswith(f"| {minutes} min |"), row
        if lesson != "00_start_here":
            row = next(line for line in start.splitlines() if f"({lesson}.ipynb)" in line)
            assert f"| {minutes} min |" in row, row


def test_links_between_files_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "data").glob("**/*.md")]
    for page in pages:
        targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
        for target in targets:
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_readme_gives_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "```\npython3 start.py\n```" in readme
    assert "```\npython3 start.py test\n```" in readme
    assert "python3 start.py test" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_actions_are_pinned_by_hash() -> None:
    workflows = (ROOT / ".github" / "workflows").glob("*.yml")
    used = [line for file in workflows for line in file.read_text().splitlines() if "uses:" in line]
    assert used
    for line in used:
        assert re.search(r"uses: [\w/-]+@[0-9a-f]{40} # v[\d.]+$", line), line


def test_nobody_is_told_to_open_jupyter_to_the_world() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("*.py"), *(ROOT / "notebooks").glob("*.ipynb")]
    for page in pages:
        text = page.read_text(encoding="utf-8").lower()
        assert not re.search(r"token\s*=\s*(''|\\?\"\\?\"|none)|--ip=(0\.0\.0\.0|\*)", text), page


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))

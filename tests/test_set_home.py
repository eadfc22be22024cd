import shutil
from pathlib import Path

import pytest

from tools.set_home import ADDRESS, NAMING, home_of, main, set_home, site_of

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "notebooks").mkdir()
    for file in (file for pattern in NAMING for file in ROOT.glob(pattern)):
        shutil.copy(file, tmp_path / file.relative_to(ROOT))
    return tmp_path


def addresses(root: Path) -> dict[str, list[str]]:
    """file -> the repositories that it names."""
    return {
        str(file.relative_to(root)): [
            found[2] for found in ADDRESS.finditer(file.read_text(encoding="utf-8"))
        ]
        for pattern in NAMING
        for file in root.glob(pattern)
    }


def test_every_file_names_the_same_home() -> None:
    home = home_of(ROOT)
    others = {  # where readers go on
        "ericsujw/InstColorization",
        "jantic/DeOldify",
        "junyanz/interactive-deep-colorization",
        "piddnad/DDColor",
        "richzhang/colorization",
    }
    for file, named in addresses(ROOT).items():
        assert set(named) <= {home} | others, file
        if file.endswith(".ipynb"):
            assert named.count(home) == 3, file  # Colab's badge, Binder's badge, the set-up cell
    assert {file for file, named in addresses(ROOT).items() if home in named} >= {
        "pyproject.toml",
        "README.md",
        "CITATION.cff",
    }


def test_a_fork_is_renamed_and_back(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    before = {file: file.read_bytes() for file in clone.rglob("*") if file.is_file()}
    home, named = home_of(clone), addresses(clone)
    monkeypatch.chdir(clone)
    main(["a-teacher/colors"])
    assert "README.md" in capsys.readouterr().out
    assert addresses(clone) == {
        file: ["a-teacher/colors" if each == home else each for each in each_file]
        for file, each_file in named.items()
    }
    for file in ("pyproject.toml", "README.md"):
        assert site_of(home).encode() in before[clone / file]
        text = (clone / file).read_text(encoding="utf-8")
        assert "https://a-teacher.github.io/colors/" in text
        assert site_of(home) not in text
    set_home(clone, home)
    assert {file: file.read_bytes() for file in before} == before


@pytest.mark.parametrize(
    "home", ["", "colors", "a/b/c", "https://github.com/a/b", "a b/c", "a/b\n"]
)
def test_what_is_no_home(home: str, clone: Path) -> None:
    with pytest.raises(ValueError, match="home: expected OWNER/NAME"):
        set_home(clone, home)


def test_only_a_checkout_has_a_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(["a/b"])
    assert "go there first" in capsys.readouterr().err

"""start.py's own logic; that it sets up a machine is what runs these tests."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parent.parent / "start.py"


@pytest.fixture
def start(tmp_path: Path) -> object:
    spec = importlib.util.spec_from_file_location("start", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.HERE, module.VENV = tmp_path, tmp_path / ".venv"
    (tmp_path / "pyproject.toml").write_text("one")
    return module


def test_it_installs_once_and_again_when_the_versions_change(
    start: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def run(command: list[str], **_: object) -> None:
        calls.append(command)
        (start.HERE / ".venv").mkdir(exist_ok=True)
        (start.HERE / ".uv" / "uv").mkdir(exist_ok=True, parents=True)

    monkeypatch.setattr(start.subprocess, "run", run)
    start.set_up()
    assert ["pip" in calls[0], "venv" in calls[1], "--editable" in calls[2]] == [True] * 3
    start.set_up()
    assert len(calls) == 3
    (start.HERE / "pyproject.toml").write_text("two")
    start.set_up()
    assert len(calls) == 5  # uv itself is there already


def test_an_unknown_command_is_one_line(
    start: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(start, "set_up", lambda: None)
    monkeypatch.setattr(sys, "argv", ["start.py", "run", "no-such-command"])
    assert start.main() == 2
    assert "No such command" in capsys.readouterr().err


def test_the_exit_status_is_the_commands(start: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "set_up", lambda: None)
    monkeypatch.setattr(sys, "argv", ["start.py", "run", sys.executable, "-c", "exit(7)"])
    assert start.main() == 7


def test_an_unknown_word_shows_the_help() -> None:
    done = subprocess.run([sys.executable, PATH, "tset"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "python3 start.py test" in done.stderr

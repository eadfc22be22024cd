"""Run every lesson as Colab does: `python tests/colab/run.py colab` (or `newest`).

An environment is made of Colab's packages (or of the newest ones), and each notebook is put alone
into an empty folder. Its own set-up cell installs the course, from the committed state of this
checkout, which git is told to take for the course's address. Nothing that was there may change.
Takes about 5 minutes. uv must be installed, or `start.py` must have run.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TEST = ["nbval", "pip", "pytest", "pytest-xdist"]


def run(*command: str | Path, **options: object) -> str:
    return subprocess.run(
        list(map(str, command)), check=True, text=True, stdout=subprocess.PIPE, **options
    ).stdout


def git_settings(repository: Path, address: str) -> dict[str, str]:
    """Environment variables under which git finds a local repository at an address."""
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{repository.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address,
    }


def python_of_colab() -> str:
    """3.13, where this machine has it and it runs, else the one that runs this."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for python in (shutil.which("python3.13"), *pyenv.glob("3.13*/bin/python")):
        if python and subprocess.run([python, "--version"], capture_output=True).returncode == 0:
            return str(python)
    return sys.executable


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", choices=["colab", "newest"])
    packages = parser.parse_args().packages
    sys.path.insert(0, str(ROOT))
    from tools.set_home import home_of

    uv = [sys.executable, "-m", "uv"]
    own = {**os.environ, "PYTHONPATH": str(ROOT / ".uv")}
    with tempfile.TemporaryDirectory() as name:
        folder, venv = Path(name), Path(name, "venv")
        run(*uv, "venv", "--quiet", "--python", python_of_colab(), venv, env=own, cwd=folder)
        python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        install = [*uv, "pip", "install", "--quiet", "--python", python]
        run(*install, "--requirements", HERE / f"{packages}.txt", *TEST, env=own, cwd=folder)

        address = f"https://github.com/{home_of(ROOT)}"
        run("git", "clone", "--quiet", "--bare", ROOT, folder / "home.git")
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        env |= git_settings(folder / "home.git", address)
        env |= {"PATH": f"{python.parent}{os.pathsep}{env['PATH']}", "COURSE_DATA": str(folder)}
        # uv reads no pip settings; a version that one of them holds back must not undo its choice.
        env |= {"PIP_CONFIG_FILE": os.devnull}
        notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
        for notebook in notebooks:
            (folder / notebook.stem).mkdir()
            shutil.copy(notebook, folder / notebook.stem)

        def installed() -> set[str]:
            return set(run(python, "-m", "pip", "freeze", env=env).splitlines())

        before = installed()
        nbval = [python, "-m", "pytest", "-q", "--nbval", "--nbval-current-env"]
        nbval += ["--nbval-cell-timeout", "1800", "--durations", "7"]
        first, *others = (folder / notebook.stem for notebook in notebooks)
        status = subprocess.run([*nbval, first], env=env, cwd=first).returncode
        added = installed() - before
        if lost := before - installed():
            print(f"the set-up cell changed what was installed: {lost} became {added}")
            return 1
        if not any(each.startswith("colorization-course") for each in added):
            print("the set-up cell did not install the course")
            return 1
        parallel = ["-n", "2", "--dist", "loadscope"]
        env |= {"OMP_NUM_THREADS": "1"}  # two kernels that spin for each other's cores stand still
        rest = subprocess.run([*nbval, *parallel, *others], env=env, cwd=folder).returncode
        return status or rest


if __name__ == "__main__":
    sys.exit(main())

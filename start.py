"""Open the course, or test it, on a machine that has only Python 3.11 or newer with pip.

    python3 start.py                       open the lessons in JupyterLab
    python3 start.py test                  run every test, the notebooks included
    python3 start.py run course doctor     run any other command of the course

Everything is installed inside this folder: uv into `.uv/`, the packages, by uv, into `.venv/`.
To start afresh, delete both.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
COMMANDS = {
    "lab": ["jupyter", "lab", "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb"],
    "test": ["python", "-m", "pytest"],
    "run": [],
}


def set_up() -> None:
    """Make `.venv` match pyproject.toml; costs nothing when it already does."""
    wanted = (HERE / "pyproject.toml").read_text(encoding="utf-8")
    stamp = VENV / "installed-from-pyproject.toml"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    # `--target` works on every pip, also where the system's Python refuses packages (PEP 668).
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(HERE / ".uv")]
    if not (HERE / ".uv" / "uv").is_dir():
        here_only = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
        subprocess.run([*pip, "uv"], check=True, env=here_only)
    uv = [sys.executable, "-m", "uv"]
    env = {**os.environ, "PYTHONPATH": str(HERE / ".uv")}
    make_venv = ["venv", "--quiet", "--allow-existing", "--python", sys.executable, str(VENV)]
    subprocess.run([*uv, *make_venv], check=True, env=env)
    install = ["pip", "install", "--python", str(VENV), "--editable", ".", "--group", "dev"]
    subprocess.run([*uv, *install], check=True, env=env, cwd=HERE)
    stamp.write_text(wanted, encoding="utf-8")


def main() -> int:
    name, *rest = sys.argv[1:] or ["lab"]
    if name not in COMMANDS or (name == "run" and not rest):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    if sys.version_info < (3, 11):  # noqa: UP036 (this file also runs on the Python that is too old)
        print(f"The course needs Python 3.11 or newer, this is {sys.version.split()[0]}.")
        return 2
    try:
        set_up()
    except (subprocess.CalledProcessError, KeyboardInterrupt) as error:
        print(f"Setting up did not end; see the message above. {error}", file=sys.stderr)
        return 1
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [*COMMANDS[name], *rest]
    # On Windows the search for a program ignores the child's PATH, hence the full path.
    local = BIN / (command[0] + (".exe" if os.name == "nt" else ""))
    if local.exists():
        command[0] = str(local)
    if name == "lab" and getattr(os, "geteuid", lambda: 1)() == 0:
        command.append("--allow-root")  # inside a container one is root, and means it
    # What `run` gets are paths of the folder that it is called in.
    try:
        process = subprocess.Popen(command, cwd=None if name == "run" else HERE, env=env)
    except FileNotFoundError:
        print(f"No such command in the course's environment: {command[0]}", file=sys.stderr)
        return 2
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # the command got it too, and ends in its own way


if __name__ == "__main__":
    sys.exit(main())

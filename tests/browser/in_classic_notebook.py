"""Lessons in the classic Notebook 6.5.7 with ipywidgets 7.7.1, which is near to Colab's front end.

    python -m pytest -n0 tests/browser/in_classic_notebook.py

An environment of its own gets the Notebook; all else it takes from the one that runs this. uv and
Chromium or Chrome must be installed.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from chromium import BROWSER, chromium, jupyter
from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parent.parent.parent
LESSONS = ("01_lab_color", "08_your_own_photos_and_bigger_machines")
PINS = ROOT / "tests" / "colab" / "colab.txt"
NOTEBOOK = ("notebook", "ipywidgets", "ipykernel", "ipython", "jupyter_client")
START, RUN_ALL, ANSWER = 90, 300, 20  # seconds that a server, a lesson and a control may take
READY = """() => window.Jupyter?.notebook?.kernel?.widget_manager
    && Jupyter.notebook.kernel.is_connected() && Jupyter.notebook.kernel.info_reply.status"""
RAN = """() => document.querySelector('.output_error') || [...document.querySelectorAll(
    '.code_cell .input_prompt')].every(prompt => /[0-9]/.test(prompt.textContent))"""

pytestmark = pytest.mark.skipif(not BROWSER, reason="needs Chromium or Chrome")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the classic Notebook."""
    folder = tmp_path_factory.mktemp("classic")  # where no pyproject.toml constrains versions
    venv = folder / "venv"
    uv = [shutil.which("uv")] if shutil.which("uv") else [sys.executable, "-m", "uv"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / ".uv")}
    make = [*uv, "venv", "--quiet", "--python", sys.executable, venv]
    subprocess.run(make, check=True, env=env, cwd=folder)
    pins = [line for line in PINS.read_text().split() if line.partition("==")[0] in NOTEBOOK]
    python = venv / "bin" / "python"
    install = [*uv, "pip", "install", "--quiet", "--python", python, "anywidget", "setuptools<80"]
    subprocess.run([*install, *pins], check=True, env=env, cwd=folder)
    own = next(venv.glob("lib/python*/site-packages"))
    (own / "all_else.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    return python


@pytest.fixture(scope="module")
def server(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Notebook that serves copies of the lessons, with {} for a path."""
    folder = tmp_path_factory.mktemp("served")
    for lesson in LESSONS:
        notebook = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", 4)
        notebook.metadata.pop("widgets", None)  # as ipywidgets 8 saved them; 7 cannot read that
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, folder / f"{lesson}.ipynb")
    with jupyter([python, "-m", "notebook"], folder, START) as address:
        yield address


@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson(server: str, lesson: str) -> None:
    with chromium() as browser:
        page, complaints = browser.new_page(viewport={"width": 1300, "height": 900}), []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.route(lambda url: "//127.0.0.1:" not in url, lambda route: route.abort())
        page.goto(server.format(f"notebooks/{lesson}.ipynb"), timeout=1000 * START)
        page.wait_for_function(READY, timeout=1000 * START)
        # It then looks for widgets that were saved, and forgets those that are made meanwhile.
        page.wait_for_timeout(3000)
        page.evaluate("Jupyter.notebook.execute_all_cells()")
        page.wait_for_function(RAN, timeout=1000 * RUN_ALL)
        assert not page.locator(".output_error").count()
        if lesson == LESSONS[0]:
            move_widgets(page)
        assert not complaints
        page.evaluate("Jupyter.notebook.session.delete()")


def move_widgets(page: Page) -> None:
    """One control of each, by keyboard; and the value that Python has then."""
    plane, channels, pair, resolution = (page.locator(".lab-color").nth(n) for n in range(4))
    plane.get_by_label("L (lightness)").press("ArrowRight")
    plane.locator("canvas").press("ArrowUp")
    expect(plane.locator("p")).to_contain_text("L 61, a 40, b 31", timeout=1000 * ANSWER)
    channels.get_by_label("a plus").press("ArrowRight")
    expect(channels.locator("p").first).to_contain_text("a +1", timeout=1000 * ANSWER)
    pair.locator("select").first.select_option("rocket")  # Python sends the photo
    expect(pair.locator("p").first).to_contain_text("rocket", timeout=1000 * ANSWER)
    resolution.get_by_role("button").first.press("Enter")
    expect(resolution.locator("p")).to_contain_text("Which is", timeout=1000 * ANSWER)
    page.get_by_role("button", name="Which pair differs more?").press("Enter")
    expect(page.locator(".widget-html-content p")).to_contain_text("In which pair")
    page.evaluate("""Jupyter.notebook.kernel.execute("print('L', explorer.L)", {iopub: {output:
        message => window.said = message.content.text}}, {silent: false})""")
    page.wait_for_function("window.said?.startsWith('L 61.0')", timeout=1000 * ANSWER)

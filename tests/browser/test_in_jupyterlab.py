"""Every lesson in a real JupyterLab, in a real browser: Run All, then each control of each widget.

Chromium or Chrome must be installed; without one, these tests are skipped. What the widgets look
like, in the light and the dark theme, is left as pictures in build/screenshots.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import nbformat
import pytest
from chromium import BROWSER, CONTRAST
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect, sync_playwright

from course_utils.photos import sample_photo

ROOT = Path(__file__).resolve().parent.parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SCREENSHOTS = ROOT / "build" / "screenshots"
PATIENCE = 1800  # seconds after which even a busy machine must be stuck
SETTINGS = {  # every output on the page at once; no news from the web
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false"},
}
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
VIEW = "application/vnd.jupyter.widget-view+json"
WIDGETS = ".jp-OutputArea-output > :is(.jupyter-widgets, .lab-color)"
ERRORS = "[data-mime-type='application/vnd.jupyter.error']"
RAN = f"""() => document.querySelector("{ERRORS}") || [...document.querySelectorAll(
    '.jp-CodeCell .jp-InputPrompt')].every(prompt => /[0-9]/.test(prompt.textContent))"""
CONTROLS = ".noUi-handle, select, input:not([type=file]), button"
# What a reader sees of a widget: its pictures, by their address, and its words.
SHOWN = """widget => [...widget.querySelectorAll('img, .widget-html-content, p')]
    .map(part => part.src || part.textContent).join('\\n')"""
OPAQUE = """image => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
    return data.every((value, place) => place % 4 < 3 || value === 255);
}"""

SLOW = """
import time
from PIL import Image
from course_utils.widgets.explorer import Explorer, slider

drawn = 0

def render(x):
    global drawn
    drawn += 1
    time.sleep(0.1)
    return Image.new("RGB", (9, 9)), f"x {x:.0f}, drawing {drawn}"

Explorer(render, x=slider("x", 0, 0, 100))
"""
PRESS_50_TIMES = """handle => {
    for (let n = 0; n < 50; n++)
        handle.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));
}"""

pytestmark = pytest.mark.skipif(not BROWSER, reason="needs Chromium or Chrome")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab that serves copies of the lessons, with {} for a path."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", folder / "lessons")
    cell = nbformat.v4.new_code_cell(SLOW)
    kernel = nbformat.read(LESSONS[0], 4).metadata.kernelspec
    slow = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    nbformat.write(slow, folder / "lessons" / "slow.ipynb")
    for name, values in SETTINGS.items():
        file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex()
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    command += ["--expose-app-in-browser", "--ip=127.0.0.1", f"--port={port}"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder / 'lessons'}"]
    env = {**os.environ, "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
    env["JUPYTER_CONFIG_DIR"] = str(folder / "config")
    address = f"http://127.0.0.1:{port}/{{}}?token={token}"
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                urlopen(address.format("api")).close()
                break
            except URLError:
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=BROWSER,
            args=["--no-sandbox", "--disable-gpu", "--no-first-run"],
            viewport={"width": 1300, "height": 900},
        )
        context.set_default_timeout(1000 * PATIENCE)
        context.route(lambda address: "//127.0.0.1:" not in address, badge)
        yield context
        context.close()


def badge(route: Route) -> None:
    """What the tests answer for the web, so that they need none."""
    route.fulfill(content_type="image/svg+xml", body="<svg xmlns='http://www.w3.org/2000/svg'/>")


@pytest.mark.parametrize("notebook", LESSONS, ids=lambda path: path.stem)
def test_lesson(lab: str, browser: BrowserContext, notebook: Path, tmp_path: Path) -> None:
    page, complaints = browser.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: line.type == "error" and complaints.append(line.text))
    run_all(lab, page, notebook.name)
    code = [cell for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
    assert prompts == [f"[{number}]:" for number in range(1, len(code) + 1)]
    assert not page.locator(ERRORS).count()
    outputs = [output for cell in code for output in cell.outputs]
    count = sum(VIEW in output.get("data", {}) for output in outputs)
    expect(page.locator(WIDGETS)).to_have_count(count, timeout=1000 * PATIENCE)
    widgets = page.locator(WIDGETS).all()
    for widget in widgets:
        for control in widget.locator(CONTROLS).all():
            before = widget.evaluate(SHOWN)
            move(control, tmp_path)
            wait_for_change(page, widget, before, control)
    for theme, name in THEMES.items():
        page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: '{name}'}})")
        page.wait_for_selector(f"body[data-jp-theme-name='{name}']", state="attached")
        page.wait_for_selector("#jupyterlab-splash", state="detached")
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        for number, widget in enumerate(widgets):
            widget.screenshot(path=SCREENSHOTS / f"{notebook.stem}-{number}-{theme}.png")
            assert widget.evaluate(CONTRAST) >= 4.5, f"{theme} theme, widget {number}"
    for figure in page.locator(".jp-RenderedImage img").all():
        assert figure.evaluate(OPAQUE), "a theme would shine through this figure"
    assert not complaints
    close(lab, page)


def test_a_slow_picture_skips_values_and_shows_the_last(lab: str, browser: BrowserContext) -> None:
    page = browser.new_page()
    run_all(lab, page, "slow.ipynb")
    page.locator(".noUi-handle").evaluate(PRESS_50_TIMES)
    words = page.locator(".widget-html-content")
    expect(words).to_contain_text("x 50, ", timeout=1000 * PATIENCE)
    page.wait_for_timeout(1000)  # nothing comes after it
    drawn = int(words.inner_text().removeprefix("x 50, drawing "))
    assert drawn <= 4  # the first, the one that was on its way, the newest; one may be cut in two
    close(lab, page)


def run_all(lab: str, page: Page, name: str) -> None:
    page.goto(lab.format(f"lab/tree/{name}") + "&reset")
    page.wait_for_selector(".jp-Notebook-cell")
    wait_for_kernel(lab, page)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(RAN)


def close(lab: str, page: Page) -> None:
    page.close()
    for kernel in kernels(lab):
        urlopen(Request(lab.format(f"api/kernels/{kernel['id']}"), method="DELETE")).close()


def kernels(lab: str) -> list[dict]:
    with urlopen(lab.format("api/kernels")) as answer:
        return json.load(answer)


def wait_for_kernel(lab: str, page: Page) -> None:
    """Until the only kernel is connected, and has been idle for some seconds."""
    idle, deadline = 0, time.monotonic() + PATIENCE
    while idle < 3:
        assert time.monotonic() < deadline, "no kernel started"
        page.wait_for_timeout(1000)
        rests = [each["execution_state"] == "idle" and each["connections"] for each in kernels(lab)]
        idle = idle + 1 if rests and all(rests) else 0


def move(control: Locator, folder: Path) -> None:
    """Move a control by keyboard."""
    kind = control.evaluate("node => node.type ?? 'slider'")
    if "upload" in (control.get_attribute("class") or ""):
        with control.page.expect_file_chooser() as chooser:
            control.press("Enter")
        chooser.value.set_files(saved_photo(folder, "rocket"))
        return
    if control.is_disabled():  # an answer waits until its question is asked
        control.locator("xpath=../button[1]").press("Enter")
        control.and_(control.page.locator(":enabled")).wait_for()
    if kind == "text":
        control.fill(str(saved_photo(folder, "cat")))
    if kind == "slider":
        value, most = (control.get_attribute(f"aria-value{which}") for which in ("now", "max"))
        control.press("ArrowLeft" if value == most else "ArrowRight")
    elif kind == "range":
        control.press("ArrowLeft")
    elif kind == "select-one":  # closed, it would leave its arrow keys to JupyterLab
        last = control.evaluate("node => node.selectedIndex === node.length - 1")
        for key in ("Space", "ArrowUp" if last else "ArrowDown", "Enter"):
            control.press(key)
    else:
        control.press("Enter")


def wait_for_change(page: Page, widget: Locator, before: str, control: Locator) -> None:
    deadline = time.monotonic() + PATIENCE
    while widget.evaluate(SHOWN) == before:
        assert time.monotonic() < deadline, f"nothing changed: {control}"
        page.wait_for_timeout(100)


def saved_photo(folder: Path, name: str) -> Path:
    file = folder / f"my {name}.png"
    sample_photo(name).resize((150, 100)).save(file)
    return file

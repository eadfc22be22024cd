"""Every lesson in a real JupyterLab, in a real browser: Run All, then each control of each widget.

Chromium or Chrome must be installed; without one, these tests are skipped. What the widgets look
like, in the light and the dark theme, is left as pictures in build/screenshots.
"""

import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import nbformat
import pytest
from chromium import BROWSER, CONTRAST, jupyter
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect, sync_playwright

from course_utils.photos import sample_photo
from course_utils.plumbing.hint_files import read_hints

ROOT = Path(__file__).resolve().parent.parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SCREENSHOTS = ROOT / "build" / "screenshots"
PATIENCE = 1800  # seconds after which even a busy machine must be stuck
SETTINGS = {  # every output on the page at once; no news from the web
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false"},
}
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
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
    command = [sys.executable, "-m", "jupyter", "lab", "--expose-app-in-browser"]
    settings = {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
    with jupyter(command, folder / "lessons", PATIENCE, **settings) as address:
        yield address


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
    page, complaints = run_all(lab, browser, notebook.name)
    code = [cell for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
    assert prompts == [f"[{number}]:" for number in range(1, len(code) + 1)]
    assert not page.locator(ERRORS).count()
    outputs = [output for cell in code for output in cell.outputs]
    count = sum(VIEW in output.get("data", {}) for output in outputs)
    expect(page.locator(WIDGETS)).to_have_count(count, timeout=1000 * PATIENCE)
    widgets = page.locator(WIDGETS).all()
    for widget in widgets:
        if "course-brush" in widget.get_attribute("class"):  # it has a test of its own
            continue
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
    leave(lab, page)


def test_a_slow_picture_skips_values_and_shows_the_last(lab: str, browser: BrowserContext) -> None:
    page, _ = run_all(lab, browser, "slow.ipynb")
    page.locator(".noUi-handle").evaluate(PRESS_50_TIMES)
    words = page.locator(".widget-html-content")
    expect(words).to_contain_text("x 50, ", timeout=1000 * PATIENCE)
    page.wait_for_timeout(1000)  # nothing comes after it
    drawn = int(words.inner_text().removeprefix("x 50, drawing "))
    assert drawn <= 4  # the first, the one that was on its way, the newest; one may be cut in two
    leave(lab, page)


BRUSH = """from course_utils.photos import sample_photo
from course_utils.widgets import Brush
Brush(sample_photo("coffee"), "landscapes")"""


def test_the_brush_by_mouse_and_by_keyboard(
    lab: str, browser: BrowserContext, tmp_path: Path
) -> None:
    cells = [nbformat.v4.new_code_cell(BRUSH)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    content = json.dumps({"type": "notebook", "content": notebook}).encode()
    urlopen(Request(lab.format("api/contents/brush.ipynb"), content, method="PUT")).close()
    page, complaints = run_all(lab, browser, "brush.ipynb")
    widget, photo = page.locator(".course-brush"), page.locator(".course-frame")
    points, colors = photo.locator(".course-point"), widget.locator(".course-row button")

    def then(said: str, *hints: str) -> None:
        """Wait for what the widget says of the step, and of the hints."""
        words = "; ".join(f"{n}[.] .*{hint}.*" for n, hint in enumerate(hints, 1)) or "none"
        said = re.compile(f"{said} Hints: {words}[.]")
        expect(widget.locator("[role=status]")).to_have_text(said, timeout=1000 * PATIENCE)

    then("Click on the photo to say the color of a place.")
    box = photo.bounding_box()

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.mouse.click(*at(0.25, 0.4))
    then("Added.", "at 25% from the left and 40% from the top")
    before = widget.evaluate(SHOWN)
    colors.and_(page.locator("[title^='vivid: green']")).first.click()
    then("Colored.", "green, .* at 25%")
    assert widget.evaluate(SHOWN) != before
    page.mouse.move(*at(0.25, 0.4))
    page.mouse.down()
    page.mouse.move(*at(0.4, 0.4))
    page.mouse.move(*at(0.5, 0.2))
    page.mouse.up()
    then("Moved.", "green, .* at 50% from the left and 20% from the top")
    page.mouse.click(*at(0.5, 0.2))
    then("Chosen.", "green")
    expect(colors.first).to_be_focused()
    # and now without the mouse
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    then("Colored.", "orange")
    page.keyboard.press("Shift+ArrowDown")
    then("Moved.", "orange, .* at 50% from the left and 30% from the top")
    page.keyboard.press("Shift+Tab")  # to the photo
    page.keyboard.press("Enter")
    then("Added.", "30% from the top", "50% from the top")
    expect(points.nth(1)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    then("Moved.", "at 50%", "at 49%")
    page.keyboard.press("Shift+Tab")
    expect(points.nth(0)).to_be_focused()
    page.keyboard.press("Delete")
    then("Removed.", "at 49%")
    page.keyboard.press("Control+z")
    then("Undone.", "at 50%", "at 49%")
    page.keyboard.press("Control+Shift+Z")
    then("Done again.", "at 49%")
    widget.locator("input").fill(str(tmp_path / "mine"))
    widget.get_by_role("button", name="save as").press("Enter")
    then(".*mine.json.", "at 49%")
    assert len(read_hints(tmp_path / "mine.json")) == 1
    assert not complaints
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    widget.screenshot(path=SCREENSHOTS / "brush.png")
    leave(lab, page)


def run_all(lab: str, browser: BrowserContext, notebook: str) -> tuple[Page, list[str]]:
    """A notebook that has run from top to bottom, and what the browser complains of."""
    page, complaints = browser.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: line.type == "error" and complaints.append(line.text))
    page.goto(lab.format(f"lab/tree/{notebook}") + "&reset")
    page.wait_for_selector(".jp-Notebook-cell")
    wait_for_kernel(lab, page)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(RAN)
    return page, complaints


def leave(lab: str, page: Page) -> None:
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
        try:
            known = kernels(lab)
        except HTTPError:  # the server cannot list a kernel that is starting
            known = []
        rests = [each["execution_state"] == "idle" and each["connections"] for each in known]
        idle = idle + 1 if rests and all(rests) else 0


def move(control: Locator, folder: Path) -> None:
    """Move a control by keyboard."""
    kind = control.evaluate("node => node.type ?? 'slider'")
    if "upload" in (control.get_attribute("class") or ""):
        with control.page.expect_file_chooser() as chooser:
            control.press("Enter")
        chooser.value.set_files(saved_photo(folder, "rocket"))
        return
    if "course-point" in (control.get_attribute("class") or ""):
        control.press("ArrowRight")
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

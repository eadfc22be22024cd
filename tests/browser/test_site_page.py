"""The front page of the web site colors photos in a real browser as Python does.

Chromium or Chrome, Sphinx and npm must be installed; without one, these tests are skipped. What the
page looks like, by day and by night, is left as pictures in build/screenshots.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chromium import BROWSER, CONTRAST, chromium, served
from PIL import ExifTags, Image
from playwright.sync_api import Browser, Page, Request, expect

from course_utils.colorize import colorize, load_model
from course_utils.photos import sample_photo

ROOT = Path(__file__).resolve().parent.parent.parent
SCREENSHOTS = ROOT / "build" / "screenshots"
FILES = "_static/in_browser"
PATIENCE = 1_800_000  # milliseconds after which even a busy machine must be stuck

pytestmark = [
    pytest.mark.skipif(not BROWSER, reason="needs Chromium or Chrome"),
    pytest.mark.skipif(not shutil.which("npm"), reason="needs npm"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sphinx", reason="needs the packages that make the web site")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-c", str(ROOT / "site"), str(ROOT)]
    subprocess.run([*command, str(folder)], check=True)
    if missing := json.loads((folder / FILES / "about.json").read_text())["missing"]:
        pytest.skip(missing)
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(site) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The front page; it must not complain, send anything, or ask another machine."""
    page, complaints = browser.new_page(), []

    def look(request: Request) -> None:
        own = request.url.startswith((address, "blob:", "data:"))
        if not own or request.method != "GET":
            complaints.append(f"{request.method} {request.url}")

    page.set_default_timeout(PATIENCE)
    page.on("request", look)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: line.type == "error" and complaints.append(line.text))
    page.goto(address)
    yield page
    page.close()
    assert not complaints


def wait_for(page: Page, words: str) -> None:
    expect(page.get_by_role("status")).to_have_text(re.compile(words), timeout=PATIENCE)


def saved(page: Page, folder: Path) -> Image.Image:
    wait_for(page, "^Done")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as PNG").press("Enter")
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return Image.open(file)


def difference(first: Image.Image, second: Image.Image) -> float:
    """The mean over all pixels and channels, in counts of 0..255."""
    assert first.size == second.size
    both = (np.asarray(image.convert("RGB"), dtype=float) for image in (first, second))
    return abs(np.subtract(*both)).mean()


@pytest.mark.parametrize("name", ["cat", "astronaut"])
def test_a_sample_is_colored_as_python_does(page: Page, site: Path, name: str, tmp_path) -> None:
    page.locator(f"[data-name={name}]").press("Enter")
    result = saved(page, tmp_path)
    assert "guess" in result.filename
    assert "The colors are a guess" in result.info["Description"]
    expected = colorize(site / FILES / f"{name}.jpg", load_model("photographs", "cpu"))
    assert difference(expected, expected.convert("L")) > 2  # in color
    assert difference(result, expected) <= 2
    page.get_by_label("Vivid").check()
    vivid = colorize(site / FILES / f"{name}.jpg", load_model("photographs-vivid", "cpu"))
    assert difference(saved(page, tmp_path), vivid) <= 2


def test_a_photo_of_ones_own(page: Page, tmp_path: Path) -> None:
    """Turned by its EXIF, in color, larger than what is shown; and the controls."""
    file, exif = tmp_path / "my photo.jpg", Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    sample_photo("rocket").resize((1795, 1203)).save(file, exif=exif, quality=95)
    page.locator("#file").set_input_files(file)
    result = saved(page, tmp_path)
    assert result.size == (1203, 1795)
    assert difference(result, colorize(file, load_model("photographs", "cpu"))) <= 2
    page.get_by_label("Strength").fill("0")
    gray = saved(page, tmp_path)
    assert difference(gray, gray.convert("L")) < 1
    page.get_by_label("Strength").fill("100")
    page.get_by_label("Vivid").check()
    page.get_by_label("Temperature").fill("1")
    model = load_model("photographs-vivid", "cpu")
    model.set_temperature(1.0)
    assert difference(saved(page, tmp_path), colorize(file, model)) <= 2


@pytest.mark.parametrize("size", [(1, 1), (7, 900)])
@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_small_and_transparent_photos(page: Page, size: tuple, mode: str, tmp_path: Path) -> None:
    photo = sample_photo("cat").resize(size).convert(mode)
    if mode == "RGBA":
        photo.putalpha(128)
    photo.save(tmp_path / "small.png")
    page.locator("#file").set_input_files(tmp_path / "small.png")
    expected = colorize(photo, load_model("photographs", "cpu"))
    assert difference(saved(page, tmp_path), expected) <= 2


def test_a_file_that_cannot_be_colored_gets_a_sentence(page: Page, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    sample_photo("cat").save(tmp_path / "whole.jpg")
    (tmp_path / "torn.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:99])
    Image.new("L", (10_000, 5_000)).save(tmp_path / "huge.png")
    sentences = {
        "notes.txt": "notes.txt is not a photo",
        "torn.jpg": "torn.jpg cannot be read",
        "huge.png": "huge.png has 50 megapixels",
    }
    for name, sentence in sentences.items():
        page.locator("#file").set_input_files(tmp_path / name)
        wait_for(page, sentence)
    page.locator("#file").set_input_files(tmp_path / "whole.jpg")
    wait_for(page, "^Done")


def test_a_site_that_was_built_without_npm_says_so(page: Page) -> None:
    about = json.dumps({"missing": "npm was not installed"})
    page.route("**/about.json", lambda route: route.fulfill(body=about))
    page.locator("[data-name=cat]").click()
    wait_for(page, "This copy of the site cannot color: npm was not installed")


def test_the_line_between_gray_and_color_moves_by_keyboard(page: Page) -> None:
    before = page.locator(".before").evaluate("layer => getComputedStyle(layer).clipPath")
    page.get_by_label("Where color begins").press("ArrowRight")
    assert page.locator(".before").evaluate("layer => getComputedStyle(layer).clipPath") != before


def test_tab_leads_from_the_choice_to_the_photo(page: Page) -> None:
    page.locator("#file").focus()
    reached = []
    for _ in range(6):
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.type"))
        page.keyboard.press("Tab")
    assert reached == ["file", "button", "button", "button", "button", "split"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_can_be_read(page: Page, width: int, theme: str) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=theme)
    page.locator("[data-name=rocket]").click()
    page.get_by_label("Vivid").check()
    wait_for(page, "^Done")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".front").evaluate(CONTRAST) >= 4.5
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"front-{width}-{theme}.png", full_page=True)


def test_every_lesson_has_a_card(page: Page) -> None:
    lessons = sorted(file.stem for file in (ROOT / "notebooks").glob("*.ipynb"))
    cards = page.locator(".cards a").evaluate_all("links => links.map(link => link.pathname)")
    assert [Path(card).stem for card in cards] == lessons


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_widgets_of_lesson_1_move(
    browser: Browser, address: str, width: int, theme: str
) -> None:
    """Without Python, and without any other machine but for the badges."""
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=theme)
    page.route(lambda url: not url.startswith(address), lambda route: route.abort())
    page.goto(f"{address}notebooks/01_lab_color.html")
    plane, channels, pair, resolution = (page.locator(".lab-color").nth(n) for n in range(4))
    plane.get_by_label("L (lightness)").press("ArrowRight")
    expect(plane.locator("p")).to_contain_text("L 61, a 40, b 30", timeout=PATIENCE)
    channels.get_by_label("a plus").press("ArrowRight")
    expect(channels.locator("p").first).to_contain_text("a +1. Means", timeout=PATIENCE)
    pair.locator("select").first.select_option("rocket")
    expect(pair.locator("p").first).to_contain_text("The shapes of rocket", timeout=PATIENCE)
    resolution.get_by_role("button").first.press("Enter")
    expect(resolution.locator("p")).to_contain_text("Which is the original?", timeout=PATIENCE)
    for number, widget in enumerate((plane, channels, pair, resolution)):
        assert widget.evaluate(CONTRAST) >= 4.5, number
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()

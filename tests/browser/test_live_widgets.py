"""The widgets of lesson 1 that are drawn in the browser, in pages of their own, without Python.

Chromium or Chrome must be installed; without one, these tests are skipped. What the widgets look
like is left as pictures in build/screenshots.
"""

import base64
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from chromium import BROWSER, CONTRAST, chromium, served
from live import NAMES, write_pages
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from course_utils.color import gamut, lab_to_uint8, rgb_to_lab
from course_utils.photos import sample_photo
from course_utils.widgets.lab_color import SIDE, square_jpeg

SCREENSHOTS = Path(__file__).resolve().parent.parent.parent / "build" / "screenshots"
CONVERT = """async ([name, colors, ...more]) => {
    const lab = await import('./lab.js');
    return colors.map(color => lab[name](...color, ...more));
}"""
EVERY = 5  # rows of a photo of which one is compared
ROWS = """async ([address, side, every]) => {
    const { photoLab } = await import('./live.js');
    const lab = await photoLab(await (await fetch(address)).arrayBuffer(), side);
    return [...lab].filter((_, i) => Math.floor(i / (3 * side)) % every === 0);
}"""

pytestmark = pytest.mark.skipif(not BROWSER, reason="needs Chromium or Chrome")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("live")
    write_pages(folder)
    with served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def show(browser: Browser, address: str) -> Iterator[Callable[[str], Page]]:
    """Open the page of a widget; it must not complain."""
    page, complaints = browser.new_page(viewport={"width": 1000, "height": 900}), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: line.type == "error" and complaints.append(line.text))

    def opened(name: str) -> Page:
        page.goto(f"{address}{name}.html")
        expect(words(page)).not_to_be_empty()
        return page

    yield opened
    page.close()
    assert not complaints


def words(page: Page) -> Locator:
    return page.locator("p").first


def shown(canvas: Locator) -> np.ndarray:
    """The RGB of a canvas, (H, W, 3)."""
    png = canvas.evaluate("canvas => canvas.toDataURL()").partition(",")[2]
    return np.array(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")).astype(int)


def move(page: Page, name: str, value: float) -> None:
    """Move a slider, and wait until its picture is drawn."""
    slider = page.get_by_label(re.compile(f"^{re.escape(name)}"))
    slider.evaluate(
        "(node, value) => { node.value = value; node.dispatchEvent(new Event('input')); }", value
    )
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


def test_lab_js_agrees_with_color_py(show: Callable) -> None:
    page = show("AbPlane")
    steps = torch.linspace(0, 255, 22).round().byte()
    rgb = torch.cartesian_prod(steps, steps, steps)  # (10648, 3)
    made = torch.tensor(page.evaluate(CONVERT, ["rgbToLab", rgb.tolist()]))
    assert (made - rgb_to_lab(rgb.T[..., None])[..., 0].T).abs().max() < 1e-3
    plane = torch.linspace(-100, 100, 22)
    lab = torch.cartesian_prod(torch.linspace(0, 100, 21), plane, plane)  # (10164, 3)
    for fit in (False, True):
        made = torch.tensor(page.evaluate(CONVERT, ["labToRgb", lab.tolist(), fit]))
        expected = lab_to_uint8(lab.T[..., None], fit)[..., 0].T.int()
        assert (made - expected).abs().max() <= 1


@pytest.mark.parametrize("name", ["astronaut", "cat", "china"])
def test_photos_agree_with_color_py(show: Callable, name: str) -> None:
    """Their Lab, and the picture with a turned and shifted color that is drawn from it."""
    page = show("PhotoChannels")
    made = torch.tensor(page.evaluate(ROWS, [f"photos/{name}.jpg", SIDE, EVERY]))
    made = made.reshape(-1, SIDE, 3).permute(2, 0, 1)
    rgb = torch.from_numpy(np.array(Image.open(io.BytesIO(square_jpeg(name)))))
    lab = rgb_to_lab(rgb[::EVERY].permute(2, 0, 1).contiguous())
    # Chromium and Pillow decode a JPEG within some counts of each other.
    assert (made - lab).abs().mean() < 0.2
    page.locator("select").select_option(name)
    move(page, "a times", -1)
    move(page, "b plus", 30)
    expect(words(page)).to_contain_text("a × −1.0, b +30; green and red swapped.")
    turned = made * torch.tensor([1, -1, 1]).reshape(3, 1, 1)
    turned[2] += 30
    expected = lab_to_uint8(turned).permute(1, 2, 0).int().numpy()
    assert abs(shown(page.locator("canvas").first)[::EVERY] - expected).max() <= 1


def test_the_ab_plane_names_what_it_shows(show: Callable) -> None:
    page = show("AbPlane")
    for name, value in {"L": 53, "a (": 78, "b (": 64}.items():
        move(page, name, value)
    expect(words(page)).to_contain_text("L 53, a 78, b 64: red, hue 39°, chroma 101. R 25")
    patch = page.locator(".patch").evaluate("node => getComputedStyle(node).backgroundColor")
    assert re.findall(r"\d+", patch) == re.findall(r"[RGB] (\d+)", words(page).inner_text())
    share = 100 * gamut(53)[1].float().mean()
    expect(words(page)).to_contain_text(f"At this L a screen shows {share:.0f} % of the square")
    move(page, "a (", -100)
    expect(words(page)).to_contain_text("Outside what a screen can show")
    plane = shown(page.locator("canvas"))
    expected = lab_to_uint8(torch.tensor([53.0, 50, -50]).reshape(3, 1, 1)).flatten().numpy()
    assert abs(plane[2 * (110 + 50), 2 * (110 + 50)] - expected).max() <= 1


def test_the_marker_is_dragged(show: Callable) -> None:
    """By mouse, and by the arrow keys."""
    page = show("AbPlane")
    plane = page.locator("canvas")
    box = plane.bounding_box()
    at = [(box["x"] + (value + 110.5) / 221 * box["width"]) for value in (20, -40)]
    middle = box["y"] + box["height"] / 2
    page.mouse.move(at[0], middle)
    page.mouse.down()
    page.mouse.move(at[1], middle - 10 / 221 * box["height"], steps=5)
    page.mouse.up()
    page.mouse.move(at[0], middle)  # no longer pressed
    expect(words(page)).to_contain_text("L 60, a −40, b 10: blue-green")
    plane.press("ArrowRight")
    plane.press("Shift+ArrowDown")
    expect(words(page)).to_contain_text("L 60, a −39, b 0: blue-green")
    page.get_by_role("button").press("Enter")
    plane.press("Shift+ArrowUp")
    expect(words(page)).to_contain_text("From the kept color, L 60, a −39, b 0, it is 10.0 away")
    assert page.locator(".patch").count() == 2


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((255, 0, 0), "red"),
        ((255, 140, 0), "orange"),
        ((255, 255, 0), "yellow"),
        ((0, 160, 0), "green"),
        ((0, 180, 180), "blue-green"),
        ((0, 0, 255), "blue"),
        ((70, 130, 230), "blue"),
        ((255, 0, 255), "magenta"),
        ((255, 150, 180), "pink"),
        ((120, 120, 122), "gray"),
    ],
)
def test_hues_have_their_usual_names(show: Callable, rgb: tuple, name: str) -> None:
    lab = rgb_to_lab(torch.tensor(rgb, dtype=torch.uint8).reshape(3, 1, 1)).flatten().tolist()
    said = "async color => (await import('./live.js')).said(color)"
    assert f": {name}, hue" in show("AbPlane").evaluate(said, lab)


def test_channels_at_zero_are_the_gray_photo(show: Callable) -> None:
    page = show("PhotoChannels")
    expect(words(page)).to_contain_text("Nothing changed. Means: L 48, a 13.5, b 12.0")
    expect(words(page)).to_contain_text("0 % of the pixels are colors")
    move(page, "a times", 0)
    move(page, "b times", 0)
    expect(words(page)).to_contain_text("black-and-white photo")
    assert np.ptp(shown(page.locator("canvas").first), axis=-1).max() <= 2
    move(page, "a plus", 30)
    expect(words(page)).to_contain_text("Means: L 48, a 30.0, b 0.0")
    move(page, "L contrast", 0)
    expect(words(page)).to_contain_text("no lightness contrast")
    move(page, "a times", 2)
    share = int(re.search(r"(\d+) % of the pixels", words(page).inner_text())[1])
    assert 5 < share < 60


def test_a_pixel_is_read_and_compared(show: Callable) -> None:
    """By mouse and by keyboard: its color in words, and its place in the plane."""
    page = show("PhotoChannels")
    photo, reading = page.locator("canvas").first, page.locator("p.reading")
    pixels = shown(photo)
    box = photo.bounding_box()

    def at(x: int, y: int) -> dict:
        return {"x": (x + 0.5) * box["width"] / SIDE, "y": (y + 0.5) * box["height"] / SIDE}

    expect(reading).to_contain_text("Point at a pixel")
    photo.hover(position=at(100, 300))
    told = re.search(r"Pixel (\d+), (\d+): .*(#\w{6})\.", reading.inner_text())
    x, y = int(told[1]), int(told[2])
    assert abs(x - 100) + abs(y - 300) <= 1
    assert told[3] == "#{:02x}{:02x}{:02x}".format(*pixels[y, x])
    L, a, b = rgb_to_lab(torch.tensor(pixels[y, x]).byte().reshape(3, 1, 1)).flatten().tolist()
    numbers = f"L {L:.1f}, a {a:.1f}, b {b:.1f}"
    expect(reading).to_contain_text(numbers.replace("-", "−"))
    circle = shown(page.locator("canvas").last)[round(2 * (110 - b)), round(2 * (110 + a)) + 7]
    assert circle.max() < 130  # black, or what the edge of the line mixes with it
    photo.click(position=at(100, 300))
    photo.press("ArrowRight")
    expect(reading).to_contain_text(f"Pixel {x + 1}, {y}: ")
    expect(reading).to_contain_text(f"From the pressed pixel, {numbers}: L differs by")
    photo.press("Enter")
    expect(reading).to_contain_text("L differs by 0.0, a and b by 0.0")


def test_a_photo_of_ones_own(show: Callable, tmp_path: Path) -> None:
    page = show("PhotoChannels")
    sample_photo("rocket").save(tmp_path / "my rocket.png")
    (tmp_path / "notes.txt").write_text("no photo")
    page.locator("input[type=file]").set_input_files(tmp_path / "notes.txt")
    expect(words(page)).to_contain_text("notes.txt cannot be read. Choose a JPEG")
    page.locator("input[type=file]").set_input_files(tmp_path / "my rocket.png")
    expect(page.locator("select")).to_have_value("my rocket.png")
    square = Image.open(io.BytesIO(square_jpeg("rocket")))
    L = rgb_to_lab(torch.from_numpy(np.array(square)).permute(2, 0, 1))[0].mean()
    expect(words(page)).to_contain_text(f"Nothing changed. Means: L {L:.0f}")
    assert abs(shown(page.locator("canvas").first) - np.asarray(square)).mean() < 4
    page.locator("select").select_option("astronaut")
    expect(words(page)).to_contain_text("Nothing changed. Means: L 48")


def test_edges_come_with_lightness(show: Callable) -> None:
    page = show("TwoPhotos")
    for lightness, color in (("cat", "coffee"), ("rocket", "astronaut"), ("astronaut", "cat")):
        page.locator("select").first.select_option(lightness)
        page.locator("select").last.select_option(color)
        expect(words(page)).to_contain_text(f"The shapes of {lightness} in the colors of {color}.")
        with_l, with_ab = map(float, re.findall(r"(-?\d\.\d+) with", words(page).inner_text()))
        assert with_l > with_ab + 0.3


def test_coarse_color_is_hard_to_see_and_coarse_lightness_is_not(show: Callable) -> None:
    page = show("ColorResolution")
    move(page, "1 number every", 3)
    expect(words(page)).to_contain_text("Of a and b, 1 of 64 numbers is left")
    original, reduced = (page.locator("canvas").nth(n) for n in range(2))

    def changed() -> float:
        return abs((shown(reduced) - shown(original)) @ [0.3, 0.59, 0.11]).mean()

    color = changed()
    page.get_by_label("coarse").select_option("L")
    expect(words(page)).to_contain_text("Of L, 1 of 64 numbers is left")
    assert changed() > 4 * color
    page.get_by_label("coarse").select_option("a and b")
    page.get_by_label("drawn").select_option("in blocks")
    move(page, "1 number every", 4)
    blocks = shown(page.locator("canvas").nth(2)).reshape(16, 16, 16, 16, 3)
    assert np.ptp(blocks, axis=(1, 3)).max() == 0
    move(page, "1 number every", 0)
    expect(words(page)).to_contain_text("both are the original")
    expect(words(page)).to_contain_text("mean 0.0, at most 0")


def test_the_reader_is_asked_first_and_told_after(show: Callable) -> None:
    page = show("ColorResolution")
    ask, left, right = page.get_by_role("button").all()
    first, second = (page.locator("canvas").nth(n) for n in range(2))
    original, sides = shown(first), []
    for _ in range(8):
        ask.press("Enter")
        expect(words(page)).to_have_text("Which is the original? Press left or right.")
        assert ask.is_disabled()
        assert page.locator("figcaption:visible").all_inner_texts() == ["left", "right"]
        sides.append("left" if np.array_equal(shown(first), original) else "right")
        assert np.array_equal(shown(second), original) == (sides[-1] == "right")
        left.press("Enter")
        expect(words(page)).to_contain_text("Right: " if sides[-1] == "left" else "No: ")
        assert left.is_disabled()
        assert right.is_disabled()
    expect(words(page)).to_contain_text(f"Found {sides.count('left')} of 8")


def test_every_control_changes_picture_and_words(show: Callable) -> None:
    """By keyboard alone."""
    for name in NAMES:
        page = show(name)
        for control in page.locator("input[type=range], select").all():
            canvases = page.locator("canvas")
            before = canvases.evaluate_all("all => all.map(one => one.toDataURL())")
            told, role = words(page).inner_text(), control.evaluate("node => node.type")
            control.press("ArrowLeft" if role == "range" else "ArrowDown")
            if control.evaluate("node => node.value") != "in blocks":  # the same numbers
                expect(words(page)).not_to_have_text(told)
            page.wait_for_timeout(100)
            assert canvases.evaluate_all("all => all.map(one => one.toDataURL())") != before


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1000, 390])
def test_it_fits_and_can_be_read(show: Callable, width: int, theme: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        page = show(name)
        page.set_viewport_size({"width": width, "height": 844})
        if theme == "dark":
            page.add_style_tag(content="body { background: #111111; color: #eeeeee; }")
        for canvas in page.locator("canvas[tabindex]").all():
            canvas.click(position={"x": 90, "y": 90})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("body").evaluate(CONTRAST) >= 4.5
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{theme}.png", full_page=True)

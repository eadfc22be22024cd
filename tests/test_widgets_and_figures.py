import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import combinations

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import skimage.color
import torch
import traitlets
from matplotlib.colors import to_rgb
from PIL import Image, ImageOps
from traitlets import TraitError

from course_utils import figures, widgets
from course_utils.architecture import architecture_table
from course_utils.color import delta_e, linear_to_lab, srgb_decode
from course_utils.colorize import colorize, load_model
from course_utils.data import LabDataset
from course_utils.photos import sample_path, sample_photo
from course_utils.training import History, TrainConfig, fit
from course_utils.widgets import judging


def shown(explorer: widgets.Explorer) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(explorer.picture.value)))


class Explorers(dict):
    """Widgets by name, each made when it is first asked for."""

    def __init__(self, makers: dict[str, Callable[[], widgets.Explorer]]) -> None:
        self.makers = makers

    def __missing__(self, name: str) -> widgets.Explorer:
        self[name] = self.makers[name]()
        return self[name]


@pytest.fixture
def explorers(scene_dataset: LabDataset) -> Explorers:
    photos = LabDataset(scene_dataset.lab[:3], list("abc"), scene_dataset.report)
    answers = torch.randint(-60, 60, (4, 3, 2, 8, 8), dtype=torch.int8)
    errors, model = [4.0, 3.0, 2.0, 1.0], lambda L: (L - 50).repeat(1, 2, 1, 1)
    return Explorers(
        {
            "epochs": lambda: widgets.epoch_scrubber(answers, photos, errors),
            "distance": widgets.color_distance,
            "gray": lambda: widgets.gray_finder(scene_dataset),
            "taps": widgets.kernel_taps,
            "fields": widgets.receptive_fields,
            "heat": lambda: widgets.temperature_explorer(load_model("photographs-vivid", "cpu")),
            "results": lambda: widgets.results_browser(model, scene_dataset),
        }
    )


MOVES = {
    "epochs": {"epoch": 2},
    "distance": {"guess": ("left",)},
    "gray": {"threshold": 30.0},
    "taps": {"layer": "conv4_3", "grid": "its own map"},
    "heat": {"photo": "coffee", "temperature": 0.1, "place": (0.6, 0.8)},
    "fields": {"layer": "conv5_3", "photo": "cat", "place": (0.2, 0.4)},
    "results": {"picture": 3, "strength": 2.0},
}


@pytest.mark.parametrize("name", MOVES)
def test_every_control_changes_picture_and_words(name: str, explorers: dict) -> None:
    explorer = explorers[name]
    assert set(explorer.controls) == set(MOVES[name])
    for control, value in MOVES[name].items():
        picture, words = explorer.picture.value, explorer.words.value
        explorer.set(**{control: value})
        assert explorer.picture.value != picture, control
        assert explorer.words.value != words, control


def test_what_was_tried_is_undone(explorers: dict) -> None:
    explorer = explorers["heat"]
    before = explorer.picture.value, explorer.text
    shown = explorer.tried(place=(0.2, 0.0))
    assert (explorer.picture.value, explorer.text) == before
    explorer.set(place=(0.2, 0.0))
    assert (explorer.picture.value, explorer.text) == shown


def test_a_value_that_is_no_number_is_told(explorers: dict) -> None:
    explorer = explorers["gray"]
    picture = explorer.picture.value
    explorer.set(threshold=float("nan"))
    assert explorer.text == "threshold: expected a value, got nan; choose another"
    assert explorer.picture.value == picture


def test_widgets_of_the_browser_share_their_values() -> None:
    plane, channels, pair = widgets.AbPlane(), widgets.PhotoChannels(), widgets.TwoPhotos()
    plane.L = 20
    assert plane.picked == (20.0, 40.0, 30.0)
    assert repr(plane) == "AbPlane: L 20, a 40, b 30"
    for value in (101, -1, float("nan")):
        with pytest.raises(TraitError):
            plane.L = value
    with pytest.raises(TraitError):
        widgets.ColorResolution().every = 3
    channels.photo = "cat"
    pair.color = "cat"
    assert channels.files["photo"] == pair.files["color"] == pair.files["lightness"]
    photo = Image.open(io.BytesIO(channels.files["photo"]))
    original = ImageOps.fit(sample_photo("cat"), (512, 512))
    assert np.abs(np.asarray(photo).astype(int) - np.asarray(original)).mean() < 3
    channels.photo = "a photo of mine.png"  # whose file comes from the browser
    assert channels.files["photo"] == pair.files["color"]


def test_pairs_are_equally_far_in_rgb_and_judged_before_the_numbers(explorers: dict) -> None:
    explorer = explorers["distance"]
    guess = explorer.controls["guess"]
    disagreed, agreed, firsts = 0, [0, 0], set()
    for number in range(1, 9):
        guess.start.click()
        assert "CIE76" not in explorer.text
        guess.options[0].click()
        pairs, differences = judging._two_pairs(number)
        for (first, second), (cie76, _) in zip(pairs, differences, strict=True):
            assert np.linalg.norm(np.subtract(first, second)) == 60
            lab = [skimage.color.rgb2lab(np.uint8(color)) for color in (first, second)]
            assert np.linalg.norm(lab[0] - lab[1]) == pytest.approx(cie76, abs=1e-2)
        (left76, left2000), (right76, right2000) = differences
        assert f"{left76:.0f} left, {right76:.0f} right" in explorer.text
        agreed[0] += left76 > right76
        agreed[1] += left2000 > right2000
        firsts.add(left76 > right76)
        said = [int(n) for n in re.findall(r" in (\d+)", explorer.text)]
        assert said == agreed
        disagreed += (left76 > right76) != (left2000 > right2000)
    assert disagreed == 4
    assert "Rounds so far: 8" in explorer.text
    assert firsts == {True, False}  # the larger one is not always on one side
    guess.ask()
    guess.choose("banana")
    assert guess.waiting


def test_the_receptive_field_is_drawn_as_large_as_it_is(explorers: dict) -> None:
    explorer = explorers["fields"]
    explorer.set(layer="conv4_3", photo="astronaut")
    row = shown(explorer)[224 - 42 : 224 + 43, :448]  # the field is 85 pixels
    assert "85 x 85" in explorer.words.value
    assert (row[:, 224 - 42] > 240).all()


def history() -> History:
    rows = [{"epoch": e, "train_loss": 200 / e, "val_mse": 210 / e} for e in range(1, 6)]
    return History(TrainConfig(), {"gray": 250.0, "mean given L": 240.0}, 30.0, rows)


def test_figures_say_what_they_show(scene_dataset: LabDataset) -> None:
    curve = figures.loss_curve(history())
    texts = {text.get_text() for text in curve.axes[0].texts}
    assert {"validation 42", "training 40", "gray 250", "mean given L 240", "floor 30"} == texts
    started_high = history()
    started_high.rows[0]["val_mse"] = 5000.0
    assert figures.loss_curve(started_high).axes[0].get_ylim()[1] < 400
    lab = scene_dataset.lab[:4].float()
    gallery = figures.gallery({"one": lab, "two": figures.to_gray(lab)}, ["a", "b", "c", "d"])
    assert len(gallery.axes) == 8
    assert [axis.get_ylabel() for axis in gallery.axes if axis.get_ylabel()] == ["one", "two"]
    beside = figures.comparison(lambda L: (L - 50).repeat(1, 2, 1, 1), scene_dataset, most=3)
    assert [axis.get_ylabel() for axis in beside.axes[::3]] == ["gray input", "result", "original"]
    assert "scene 47\nMSE(ab)" in beside.axes[-1].get_xlabel()
    dilation = figures.effective_dilation(architecture_table())
    heights = [bar.get_height() for bar in dilation.axes[0].patches]
    assert heights == [row["De"] for row in architecture_table()]
    histogram = figures.ab_histogram(scene_dataset.lab[:, 1:])
    assert all(axis.get_xlabel() or axis.get_ylabel() for axis in histogram.axes)
    assert len(figures.channels(lab[0]).axes) == 7
    plt.close("all")


def test_show_adds_the_words_and_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict] = []
    monkeypatch.setattr("IPython.display.display", lambda f, metadata: seen.append(metadata))
    before = len(plt.get_fignums())
    figures.show(figures.channels(torch.zeros(3, 4, 4)), "words")
    assert seen == [{"image/png": {"alt": "words"}}]
    assert len(plt.get_fignums()) == before


def test_a_training_can_be_watched(scene_dataset: LabDataset) -> None:
    monitor, seen = widgets.TrainingMonitor(pictures=2), []
    assert "first epoch" in monitor.text

    def watch(history: History) -> None:
        monitor.on_epoch(history)
        seen.append((monitor.curve.value, monitor.results.value, monitor.text))

    config = TrainConfig(size=32, width=0.1, epochs=2, batch_size=16)
    sets = (scene_dataset, scene_dataset)
    fit(config, *sets, progress=False, device="cpu", on_data=monitor.on_data, on_epoch=watch)
    assert len({curve for curve, _, _ in seen}) == len({results for _, results, _ in seen}) == 2
    assert seen[0][2].startswith("Epoch 1 of 2: validation MSE(ab)")
    Image.open(io.BytesIO(monitor.results.value)).verify()


def test_the_scrubber_shows_what_the_network_answered(scene_dataset: LabDataset) -> None:
    photos = LabDataset(scene_dataset.lab[:2], ["a", "b"], scene_dataset.report)
    answers = torch.zeros(2, 2, 2, 8, 8, dtype=torch.int8)
    answers[1, :, 1] = -60  # blue after the second epoch, gray after the first
    scrubber = widgets.epoch_scrubber(answers, photos, [9.0, 5.0], height=32)
    assert scrubber.text.startswith("After epoch 2 of 2: validation MSE(ab) 5.0.")
    result = slice(54 + 22, 54 + 22 + 32)  # the second of three rows of 22 + 32 pixels
    red, _, blue = shown(scrubber)[result, :32].mean(axis=(0, 1))
    assert blue > red + 40
    scrubber.set(epoch=1)
    red, _, blue = shown(scrubber)[result, :32].mean(axis=(0, 1))
    assert abs(blue - red) < 3


def test_a_photo_is_picked() -> None:
    picker = widgets.PhotoPicker(load_model("landscapes", "cpu"))
    assert "cameraman: 512 x 512" in picker.text
    assert picker.result.size == (512, 512)
    content = sample_path("rocket").read_bytes()
    file = {"name": "my rocket.jpg", "type": "image/jpeg", "size": len(content)}
    in_8 = ({**file, "content": memoryview(content), "last_modified": datetime.now(UTC)},)
    in_7 = {"my rocket.jpg": {"metadata": file, "content": content}}
    for upload in (in_8, in_7):
        picture, words = picker.render("the one uploaded", "", upload, 32)
        assert words.startswith("my rocket.jpg: 640 x 427 pixels, of which the network saw")
        assert picker.result.size == (640, 427)
        assert picture.height == 256 + 22
    if int(ipywidgets.__version__.split(".")[0]) >= 8:
        picker.set(upload=in_8)
        assert "my rocket.jpg" in picker.text  # what was uploaded is shown at once
        picker.set(path=str(sample_path("coffee")))
        picker.set(upload=({**in_8[0], "name": "another.jpg"},))
        assert "another.jpg" in picker.text
    picker.set(photo="cat")
    assert picker.text.startswith("cat: 451 x 300")
    picker.set(path=str(sample_path("coffee")))
    assert picker.text.startswith("coffee.png: 600 x 400")
    picker.set(view=32)
    assert "a copy 32 pixels" in picker.text
    before, picture = picker.result, picker.picture.value
    broken = ({**in_8[0], "content": memoryview(b"no picture")},)
    for upload, reason in ((broken, "a file of an unknown kind"), ((), "nothing is uploaded yet")):
        shown, words = picker.render("the one uploaded", "", upload, 64)
        assert shown is None
        assert reason in words
    picker.set(path="nowhere.jpg")
    assert "nowhere.jpg: expected a photograph, no such file" in picker.text
    assert picker.result is before
    assert picker.picture.value == picture
    picker.set(photo="motorcycle")  # the last choice counts
    assert picker.text.startswith("motorcycle")


# What is left of linear RGB for those who lack one kind of cone (Machado et al., 2009).
LACKING = {
    "red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


@pytest.mark.parametrize("cone", LACKING)
def test_lines_are_told_apart_by_everyone(cone: str) -> None:
    names = (figures.BLUE, figures.ORANGE, figures.GREEN, figures.GRAY)
    colors = torch.tensor([to_rgb(name) for name in names]).T[..., None]  # (3, 4, 1)
    seen = torch.tensordot(torch.tensor(LACKING[cone]), srgb_decode(colors), dims=1)
    lab = linear_to_lab(seen.clamp(0, 1))
    for first, second in combinations(range(len(names)), 2):
        difference = delta_e(lab[:, first, None], lab[:, second, None])
        assert difference > 10, (names[first], names[second])


def test_the_numbers_of_two_pairs_come_with_the_judgment(explorers: dict) -> None:
    asked, question = explorers["distance"].tried(guess=("",))
    answered, answer = explorers["distance"].tried(guess=("right",))
    assert asked != answered
    assert "CIE76" not in question
    assert "CIE76" in answer


def test_a_batch_and_its_right_answers_are_taken_apart(scene_dataset: LabDataset) -> None:
    lab = scene_dataset.lab[:3].float()
    batch = figures.batch_channels(lab[:, :1], lab[:, 1:])
    drawn = np.stack([axis.images[0].get_array() for axis in batch.axes])
    assert np.ptp(drawn[:3], axis=-1).max() < 0.01  # L is gray
    assert np.array_equal(drawn[9], figures.to_pixels(lab[0]))  # all three are the picture
    captions = [axis.get_xlabel() for axis in batch.axes[9:]]
    assert captions == ["L[0], ab[0]", "L[1], ab[1]", "L[2], ab[2]"]
    spread = torch.rand(64, 64)
    answers = figures.right_answers(lab[0], lab[1], spread)
    assert np.array_equal(answers.axes[2].images[0].get_array(), figures.to_pixels(lab[1]))
    assert np.array_equal(answers.axes[3].images[0].get_array(), spread)
    plt.close("all")


def test_curves_are_whole_and_enlarged_near_black() -> None:
    figure = figures.near_black({("x", "y"): (torch.sqrt, torch.square, 0.01)})
    for axis, end in zip(figure.axes, (1.0, 0.04), strict=True):
        bent, curve, join = axis.lines
        assert curve.get_xdata()[-1] == pytest.approx(end)
        assert curve.get_ydata()[-1] == pytest.approx(end**0.5)
        assert bent.get_ydata()[-1] == pytest.approx(end**2)
        assert set(join.get_xdata()) == {0.01}
        assert (axis.get_xlabel(), axis.get_ylabel()) == ("x", "y")
    plt.close("all")


def test_taps_are_counted_and_shapes_outlined() -> None:
    count = torch.tensor([[0, 1], [2, 4]])
    (axis,) = figures.tap_counts({"taps": count}).axes
    written = {text.get_position(): text.get_text() for text in axis.texts}
    assert written == {(1, 0): "1", (0, 1): "2", (1, 1): "4"}  # x before y; no number for 0
    ring = torch.zeros(1, 1, 8, 8)
    ring[..., 2:6, 2:6] = 1
    figure = figures.outlined({"itself": ring, "pooled": ring[..., ::4, ::4]}, ring)
    assert len({tuple(axis.images[0].get_extent()) for axis in figure.axes}) == 1
    outline = figure.axes[1].collections[0].get_paths()[0].vertices
    assert outline.min() == pytest.approx(1.5)
    assert outline.max() == pytest.approx(5.5)
    (axis,) = figures.signal_by_block({"ours": [0.5, 0.2], "theirs": [0.5, 0.01]}).axes
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["ours", "theirs"]
    assert axis.get_yscale() == "log"
    assert list(axis.lines[1].get_ydata()) == [0.5, 0.01]
    plt.close("all")


def test_the_dial_colors_as_colorize_does(explorers: dict) -> None:
    dial = explorers["heat"]
    dial.set(photo="coffee", temperature=0.1, place=(0.0, 0.0))
    panel = shown(dial)[22:, :288].astype(int)
    vivid = load_model("photographs-vivid", "cpu")
    vivid.set_temperature(0.1)
    photo = ImageOps.fit(sample_photo("coffee"), (288, 288))
    off = {}
    for size in (64, 96, 128, 256):
        result = np.asarray(colorize(photo, vivid, size))
        off[size] = np.abs(panel - result)[20:, 20:].mean()  # what the cross does not cover
    assert off.pop(96) < 1
    assert min(off.values()) > 4


def test_the_network_is_surer_in_the_sky_than_on_the_suit(explorers: dict) -> None:
    dial = explorers["heat"]
    assert "entropy 4.0 of at most 8.3 bits" in dial.text  # lesson 6 quotes both
    dial.set(temperature=0.02)
    assert "entropy 4.0 of at most 8.3 bits" in dial.text
    dial.set(photo="astronaut", place=(0.5, 0.75))
    assert "entropy 6.7 of at most 8.3 bits" in dial.text


def test_figures_of_lessons_6_and_7_say_what_they_show() -> None:
    curves = figures.validation_curves({"one": history(), "two": history()})
    texts = {text.get_text() for text in curves.axes[0].texts}
    assert texts == {"one 42", "two 42", "gray 250"}
    maps = figures.bin_maps({"numbers": torch.rand(313), "colors": torch.rand(313, 3)})
    assert [axis.get_title() for axis in maps.axes[:2]] == ["numbers", "colors"]
    assert len(maps.axes) == 3  # a color bar for the numbers alone
    chance, ab = torch.tensor([0.25, 0.75]), torch.tensor([[60.0, 0.0], [0.0, 60.0]])
    flower = figures.possible_colors(chance, ab, chance @ ab)
    texts = [text.get_text() for text in flower.axes[0].texts]
    assert texts == ["25%", "75%", "the L2 answer:\ntheir mean"]
    plan = {"wire": {1: 10.0, 2: 19.0}, "string": {1: 10.0, 2: 9.0, 4: 16.0}}
    speeds = figures.planned_speeds(plan).axes[0]
    assert {text.get_text() for text in speeds.texts} == {"ideal", "wire", "string"}
    assert speeds.lines[0].get_ydata()[-1] == 40  # four times one
    plt.close("all")


def test_the_browser_names_its_photo_and_turns_the_color_up(explorers: dict) -> None:
    browser = explorers["results"]
    browser.set(picture=3)
    as_answered, words = browser.picture.value, browser.text
    browser.set(strength=1.5)
    assert browser.picture.value != as_answered
    assert browser.text.startswith("scene 3: MSE(ab)")
    before, after = (float(re.search(r"result (\d+\.\d)", w)[1]) for w in (words, browser.text))
    assert after == pytest.approx(1.5 * before, abs=0.2)


def test_a_network_that_sees_a_larger_copy_answers_otherwise() -> None:
    picker = widgets.PhotoPicker(load_model("photographs", "cpu"))
    before = picker.picture.value
    picker.set(view=128)
    assert "a copy 128 pixels" in picker.text
    assert picker.picture.value != before
    assert picker.result.size == (512, 512)


def test_figures_of_what_l2_costs_and_of_a_range_test() -> None:
    answers = torch.linspace(-80, 80, 321)
    cost = figures.cost_of_answers(answers, (answers - 10) ** 2, 10.0, (-40, 60)).axes[0]
    assert "a = 10" in cost.get_title()
    assert [text.xy for text in cost.texts] == [(-40, 0), (60, 0)]
    rates, losses = np.geomspace(1e-6, 1, 20), np.arange(20.0) + 100
    test = figures.range_test(rates, losses, chosen=1e-2, window=3).axes[0]
    assert test.get_xscale() == "log"
    assert test.get_ylim() == (0, 200)
    smooth = test.lines[1]
    assert np.allclose(smooth.get_xdata(), rates[1:-1])
    assert np.allclose(smooth.get_ydata(), losses[1:-1])  # the mean of a line is the line
    plt.close("all")


def heard(pointer: widgets.Pointer, event: str, point: int, x: float, y: float) -> None:
    """What the browser would send."""
    pointer._handle_custom_msg({"event": event, "point": point, "x": x, "y": y}, [])


def test_one_points_on_a_picture_in_place_of_two_sliders(explorers: dict) -> None:
    fields = explorers["fields"]
    place = fields.controls["place"]
    assert place.value == (0.5, 0.5)
    before = bytes(place.picture)
    for event in ("drag", "drop"):
        heard(place, event, 0, 0.0, 1.0 if event == "drop" else 0.5)
    assert place.value == (0.0, 1.0)
    assert place.picture != before
    assert place.points[0]["label"].startswith("The cross: 0% from the left, 100% from the top")
    assert "75% of the square lie outside" in fields.text  # it is a corner of the photo
    heard(place, "remove", 0, 0.5, 0.5)
    assert place.value == (0.0, 1.0)  # the only point stays
    place.value = (-3, 0.25)
    assert place.value == (0.0, 0.25)
    with pytest.raises(traitlets.TraitError, match="two numbers"):
        place.value = (float("nan"), 0.0)


def test_figures_of_hints_have_every_number() -> None:
    grid = torch.tensor([[60.0, -0.2], [12.6, -60.0]])
    (axis,) = figures.carried({"a": grid}).axes
    written = {text.get_position(): text.get_text() for text in axis.texts}
    assert written == {(0, 0): "60", (1, 0): "0", (0, 1): "13", (1, 1): "-60"}
    lines = figures.error_by_hints((1, 10), {"one": (9.0, 4.0), "two": (8.0, 2.0)}).axes[0]
    assert [list(line.get_ydata()) for line in lines.lines] == [[9.0, 4.0], [8.0, 2.0]]
    assert {text.get_text() for text in lines.texts} == {"one 4", "two 2"}
    plt.close("all")

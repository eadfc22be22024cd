"""The brush without a browser: what is clicked, dragged and typed comes as messages."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.bins import AB_BINS
from course_utils.color import in_gamut, lab_to_uint8
from course_utils.colorize import load_model
from course_utils.hints import Hint
from course_utils.network import ColorizationNet
from course_utils.photos import photo_to_lab, sample_photo
from course_utils.plumbing.hint_files import MOST_HINTS, as_hex, read_hints
from course_utils.plumbing.results import read_mark
from course_utils.widgets import Brush
from course_utils.widgets.palette import APART, LIKELIEST, colors_for


@pytest.fixture(scope="module")
def model() -> ColorizationNet:
    return load_model("landscapes", "cpu")


@pytest.fixture
def brush(model: ColorizationNet) -> Brush:
    return Brush(sample_photo("coffee").resize((150, 100)), model)


def happen(brush: Brush, event: str, point: int, x: float = 0.5, y: float = 0.5) -> None:
    brush.pointer._handle_custom_msg({"event": event, "point": point, "x": x, "y": y}, [])


def choose(brush: Brush, color: str | None) -> None:
    brush.palette._handle_custom_msg({"color": color}, [])


def shown(brush: Brush) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(brush.pointer.picture))).astype(int)


def test_a_click_makes_a_hint_that_keeps_its_color(brush: Brush) -> None:
    before = shown(brush)
    happen(brush, "press", -1, 0.2, 0.3)
    assert brush.hints == (Hint(0.2, 0.3, tuple(before[30, 30])),)
    assert np.abs(shown(brush) - before).mean() < 1
    assert brush.text.startswith("Added. Hints: 1. ")
    assert "at 20% from the left and 30% from the top" in brush.pointer.points[0]["label"]


def test_a_color_of_the_palette_changes_the_picture_there(brush: Brush) -> None:
    happen(brush, "press", -1, 0.2, 0.3)
    for row in brush.palette.rows:
        for entry in row["colors"]:
            choose(brush, entry["color"])
            got = Image.fromarray(shown(brush)[30:31, 30:31].astype("uint8"))
            wanted = Image.new("RGB", (1, 1), entry["color"])
            assert torch.dist(photo_to_lab(got), photo_to_lab(wanted)) < 3
            assert entry["color"] == as_hex(brush.hints[0].color)
            assert brush.pointer.points[0]["color"] == entry["color"]
    choose(brush, None)  # Escape
    assert brush.hints[0] == Hint(0.2, 0.3, entry["color"])


def test_undo_and_redo_go_through_every_step(brush: Brush) -> None:
    states = [brush.hints]
    for step in (
        ("press", -1, 0.2, 0.3),
        ("enter", -1),  # by keyboard, in the middle
        ("drop", 0, 0.7, 0.1),
        ("remove", 1),
    ):
        happen(brush, *step)
        states.append(brush.hints)
    assert [len(hints) for hints in states] == [0, 1, 2, 2, 1]
    assert (states[3][0].x, states[3][0].y) == (0.7, 0.1)
    pictures = [shown(brush)]
    for hints in states[-2::-1]:
        happen(brush, "undo", 0)
        assert brush.hints == hints
    assert brush.buttons["undo"].disabled
    for hints in states[1:]:
        assert not brush.buttons["redo"].disabled
        brush.buttons["redo"].click()
        assert brush.hints == hints
    pictures.append(shown(brush))
    assert np.array_equal(*pictures)
    happen(brush, "redo", 0)  # there is none
    brush.buttons["undo"].click()
    happen(brush, "press", -1, 0.9, 0.9)
    assert brush.buttons["redo"].disabled  # a new step ends what could be done again


def test_while_a_hint_is_dragged_only_the_picture_follows(brush: Brush) -> None:
    brush.add(0.2, 0.3, "#c03020")
    before = shown(brush)
    happen(brush, "drag", 0, 0.8, 0.8)
    assert brush.hints == (Hint(0.2, 0.3, "#c03020"),)
    assert not np.array_equal(shown(brush), before)
    for event in ("drag", "drop", "remove", "enter"):
        happen(brush, event, 7)  # of a hint that is gone
    assert len(brush.hints) == 1


def test_what_is_saved_is_read_again(brush: Brush, model: ColorizationNet, tmp_path: Path) -> None:
    brush.add(0.2, 0.3, "#c03020")
    brush.add(0.6, 0.4, "#205080")
    brush.name.value = str(tmp_path / "mine")
    brush.buttons["save"].click()
    assert "mine.png, 150 x 100, and" in brush.text
    again = [Hint(*each) for each in read_hints(tmp_path / "mine.json")]
    assert tuple(again) == brush.hints
    assert "a guess, not a record" in read_mark(tmp_path / "mine.png")
    saved = np.asarray(Image.open(tmp_path / "mine.png"))
    assert np.array_equal(saved, np.asarray(Brush(brush.photo, model, again).result))
    brush.save(brush.name.value)  # its own file may be replaced
    assert brush.text.startswith("Saved")
    (tmp_path / "other.json").write_text("kept")
    brush.save(str(tmp_path / "other"))
    assert "this file exists; choose another name" in brush.text
    assert (tmp_path / "other.json").read_text() == "kept"
    brush.save(str(tmp_path / "nowhere" / "mine"))
    assert "choose another name" in brush.text


def test_there_is_an_end_to_hints(model: ColorizationNet) -> None:
    hints = [Hint(n / MOST_HINTS, 0.5, "#c03020") for n in range(MOST_HINTS)]
    brush = Brush(Image.new("L", (64, 64), 128), model, hints)
    happen(brush, "press", -1, 0.1, 0.1)
    assert len(brush.hints) == MOST_HINTS
    assert brush.text.startswith(f"There are {MOST_HINTS} hints already.")


@pytest.mark.parametrize("level", [0.0, 3.0, 50.0, 97.0, 100.0])
def test_the_palette_has_what_a_screen_can_show(level: float) -> None:
    logs = torch.randn(313).log_softmax(dim=0)
    rows = colors_for(logs, level)
    for ab in (ab for row in rows.values() for ab in row):
        lab = torch.tensor([level, *ab]).reshape(3, 1, 1)
        assert in_gamut(lab, tolerance=1e-3) or level in (0, 100)  # there all are black or white
        assert (lab_to_uint8(lab).int() - lab_to_uint8(lab, fit=True).int()).abs().max() <= 1
    found = torch.tensor(rows["likeliest"]).reshape(-1, 2)
    assert len(found) <= LIKELIEST
    if level == 50:
        assert len(found) == LIKELIEST
        assert torch.pdist(found).min() >= APART
        place = [AB_BINS.tolist().index(ab) for ab in found.tolist()]
        assert (logs[place].diff() <= 0).all()

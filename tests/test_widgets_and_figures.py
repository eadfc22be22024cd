import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import figures, widgets
from course_utils.data import LabDataset
from course_utils.network import architecture_table
from course_utils.training import History, TrainConfig


def shown(explorer: widgets.Explorer) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(explorer.picture.value)))


@pytest.fixture
def explorers(scene_dataset: LabDataset) -> dict[str, widgets.Explorer]:
    return {
        "ab": widgets.ab_plane(),
        "channels": widgets.photo_channels(),
        "fields": widgets.receptive_fields(),
        "results": widgets.results_browser(lambda L: (L - 50).repeat(1, 2, 1, 1), scene_dataset),
    }


MOVES = {
    "ab": {"L": 20.0, "a": -30.0, "b": 80.0},
    "channels": {"photo": "coffee", "L": 0.5, "a": -1.0, "b": 0.0},
    "fields": {"layer": "conv5_3"},
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


def test_the_ab_plane_names_what_it_shows(explorers: dict) -> None:
    explorer = explorers["ab"]
    explorer.set(L=53.0, a=78.0, b=64.0)
    assert "red, chroma 101" in explorer.words.value
    assert "R 25" in explorer.words.value  # nearly pure red
    swatch = shown(explorer)[60, 570]
    assert swatch[0] > 250
    assert max(swatch[1:]) < 40
    explorer.set(a=-100.0, b=-100.0)
    assert "Outside of what a screen can show" in explorer.words.value


def test_the_receptive_field_is_drawn_as_large_as_it_is(explorers: dict) -> None:
    explorer = explorers["fields"]
    explorer.set(layer="conv4_3")
    row = shown(explorer)[224 - 42 : 224 + 43, :448]  # the field is 85 pixels
    assert "85 x 85" in explorer.words.value
    assert (row[:, 224 - 42] > 240).all()


def test_channels_at_zero_are_the_gray_photo(explorers: dict) -> None:
    explorer = explorers["channels"]
    explorer.set(a=0.0, b=0.0)
    result = shown(explorer)[30:200, :190].astype(int)
    assert np.ptp(result, axis=-1).max() <= 2


def history() -> History:
    rows = [{"epoch": e, "train_loss": 200 / e, "val_mse": 210 / e} for e in range(1, 6)]
    return History(TrainConfig(), {"gray": 250.0, "mean given L": 240.0}, 30.0, rows)


def test_figures_say_what_they_show(scene_dataset: LabDataset) -> None:
    curve = figures.loss_curve(history())
    texts = {text.get_text() for text in curve.axes[0].texts}
    assert {"validation 42", "training 40", "gray 250", "mean given L 240", "floor 30"} == texts
    lab = scene_dataset.lab[:4].float()
    gallery = figures.gallery({"one": lab, "two": figures.gray_of(lab)}, ["a", "b", "c", "d"])
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

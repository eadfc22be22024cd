from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import checks, my_network
from course_utils.data import LabDataset, load_dataset
from course_utils.network import ColorizationNet
from course_utils.recipe import History, TrainConfig


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    return tmp_path


def made() -> History:
    history = History(TrainConfig(size=16, width=0.1, epochs=1), {"gray": 2.0})
    history.rows.append({"epoch": 1, "train_loss": 3.0, "val_mse": 4.0, "seconds": 90.0})
    torch.manual_seed(1)
    history.model = ColorizationNet(0.1).eval()
    history.model.size = 16
    return history


def test_the_album_has_the_troubles_of_a_real_folder_and_two_sides() -> None:
    train, val = (load_dataset(my_network.my_photos(), 16, split) for split in ("train", "val"))
    assert (len(train), len(val)) == (81, 16)
    assert set(train.report.broken) == {"train/cut_off.png", "train/really_text.jpg"}
    assert train.report.gray == ["train/gray.png"]
    assert train.report.files == 81 + 16 + 2 + 1


def test_pieces_for_validation_share_no_pixel_with_those_to_train_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = np.tile(np.arange(200, dtype=np.uint8), (90, 1))  # each pixel says where it was
    photo = Image.fromarray(np.stack([columns] * 3, axis=-1))
    monkeypatch.setattr(my_network, "sample_photo", lambda name: photo)
    monkeypatch.setattr(my_network.random.Random, "choice", lambda self, endings: "png")
    my_network.make_album(tmp_path / "album")
    files = {split: (tmp_path / "album" / split).glob("cat_*") for split in ("train", "val")}
    seen = {
        split: {*np.concatenate([np.unique(Image.open(each)) for each in found])}
        for split, found in files.items()
    }
    assert seen["train"]
    assert max(seen["train"]) < 110 <= min(seen["val"])


def test_a_folder_of_the_readers_own_is_left_alone(home: Path) -> None:
    (home / "my_photos").mkdir()
    Image.new("RGB", (20, 20), "red").save(home / "my_photos" / "mine.png")
    assert [file.name for file in my_network.my_photos().iterdir()] == ["mine.png"]


def test_networks_are_kept_for_later_lessons(scene_dataset: LabDataset) -> None:
    assert list(my_network.my_networks()) == ["photographs"]
    history = made()
    my_network.keep(history, "mine")
    my_network.keep(history, "from nothing")
    networks = my_network.my_networks()
    assert list(networks) == ["from nothing", "photographs", "mine"]
    assert networks["mine"].size == 16
    lightness = scene_dataset[:2][0]
    with torch.inference_mode():
        assert torch.allclose(networks["mine"](lightness), history.model(lightness), atol=1e-4)


def test_the_card_has_what_was_measured_and_what_was_said() -> None:
    def row(card: str, name: str) -> list[str]:
        (line,) = (line for line in card.splitlines() if line.startswith(f"| {name} |"))
        return [cell.strip() for cell in line.strip("|").split("|")]

    card = my_network.network_card("data of mine", "a use", "some limits")
    assert "none yet" in row(card, "training")[1]
    assert "\n| mine |" not in card
    my_network.keep(made(), "mine")
    card = my_network.network_card("data of mine", "a use", "some limits")
    assert row(card, "training")[1].endswith("1 epochs, 1.5 minutes")
    assert "| pictures | 81 to train on, 16 to validate |" in card
    assert row(card, "data")[1] == "data of mine"
    assert row(card, "limits")[1] == "some limits"
    for name in ("mine", "gray"):
        low, high = row(card, name)[1].split("(")[1].strip(")").split(" to ")
        assert float(low) < float(row(card, name)[1].split()[0]) < float(high)


def test_the_check_accepts_what_the_helper_writes(capsys: pytest.CaptureFixture) -> None:
    said = (
        "photographs of mine, my own",
        "old photographs of mine",
        "its colors are guesses, no more",
    )
    checks.card(my_network.network_card(*said))
    assert capsys.readouterr().out.startswith("✓")
    checks.card(my_network.network_card("?", "?", "?"))
    assert "whose photographs" in capsys.readouterr().out

"""What makes the networks that ship, on few and small photographs."""

import json
from pathlib import Path

import pytest
import torch
from PIL import features
from torch import nn

from course_utils.network import ColorizationNet
from course_utils.photos import sample_photo
from course_utils.plumbing.weights import read_network, save_weights
from tools.train_photographs import Photographs, average, pack


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """photographs/train with a photograph, with one in a folder, and photographs/val with one."""
    places = {"train/a.png": "cat", "train/b/c.jpg": "china", "val/d.jpg": "coffee"}
    for place, name in places.items():
        file = tmp_path / "photographs" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        sample_photo(name).resize((60, 50)).save(file)
    return tmp_path / "photographs"


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow cannot write AVIF")
def test_every_photograph_is_packed(photos: Path, tmp_path: Path) -> None:
    pack([photos], tmp_path / "pack", quality=90)
    packed = Photographs(tmp_path / "pack", "cpu")
    names = ["photographs/train/a.png", "photographs/train/b/c.jpg", "photographs/val/d.jpg"]
    assert json.loads((tmp_path / "pack" / "names.json").read_text()) == packed.names == names
    assert packed.train == [0, 1]
    assert sum(len(packed.validation("photographs", half)) for half in (0, 1)) == 1


@pytest.mark.parametrize("head", ["regression", "classification"])
def test_an_average_keeps_its_head_and_takes_few_photographs(
    head: str, photos: Path, tmp_path: Path
) -> None:
    files = [tmp_path / f"{n}.safetensors" for n in range(3)]
    networks = [ColorizationNet(0.05, head) for _ in files[:2]]
    for network, file in zip(networks, files, strict=False):
        save_weights(network, file, small=True)
    average(photos, files[:2], files[2])
    made = read_network(files[2])
    assert (made.head, made.size) == (head, 96)
    mean = torch.stack([network.model1[0].weight for network in networks]).mean(dim=0)
    assert torch.allclose(made.model1[0].weight, mean, atol=0.01)
    norm = next(module for module in made.modules() if isinstance(module, nn.BatchNorm2d))
    assert norm.running_mean.abs().sum() > 0

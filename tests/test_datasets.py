"""What people train on: datasets of every kind, and pictures that are not Lab."""

import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, TensorDataset

from course_utils.data import LabDataset, load_dataset
from course_utils.metrics import baselines, evaluate
from course_utils.photos import SAMPLES, photo_to_lab, read_photo, sample_photo
from course_utils.plumbing import datasets
from course_utils.plumbing.datasets import to_dataset
from course_utils.recipe import History, TrainConfig
from course_utils.training import fit

CONFIG = TrainConfig(size=16, width=0.1, epochs=1, batch_size=8)


class Own(Dataset):
    """As lesson 2 lets people write one."""

    def __init__(self, lab: torch.Tensor) -> None:
        self.lab = lab

    def __len__(self) -> int:
        return len(self.lab)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.lab[index, :1].float(), self.lab[index, 1:].float()


@pytest.fixture(scope="module")
def data(scene_dataset: LabDataset) -> LabDataset:
    """16 scenes of 16 x 16."""
    return LabDataset(scene_dataset.lab[:16, :, ::2, ::2], scene_dataset.names[:16])


def run(train: object, val: object, **options: object) -> History:
    return fit(CONFIG, train, val, device="cpu", progress=False, **options)


def test_every_dataset_trains_as_the_same_pictures_do(data: LabDataset) -> None:
    pairs = [data[number] for number in range(8)]
    same = {
        "subset": Subset(data, range(8)),
        "joined": ConcatDataset((Subset(data, range(3)), Subset(data, range(3, 8)))),
        "own": Own(data.lab[:8]),
        "tensors": TensorDataset(*data[:8]),
        "list": pairs,
        "numpy": [(L.numpy(), ab.numpy()) for L, ab in pairs],
    }
    few = LabDataset(data.lab[:8], data.names[:8])
    expected = run(few, few)
    for source in same.values():
        history = run(source, source)
        assert history.rows[0]["val_mse"] == expected.rows[0]["val_mse"]
        assert history.fingerprint == expected.fingerprint
    assert evaluate(expected.model, same["own"]) == evaluate(expected.model, few)
    assert baselines(same["own"]).keys() == baselines(few).keys()


class Shards(Dataset):
    """Photographs in tar files, as lesson 8 reads them."""

    def __init__(self, files: list[Path]) -> None:
        self.parts = []
        for file in files:
            with tarfile.open(file) as shard:
                self.parts += [(file, part) for part in shard]
        self.names = [part.name for _, part in self.parts]
        self.read = 0

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        file, part = self.parts[number]
        self.read += 1
        with open(file, "rb") as shard:
            shard.seek(part.offset_data)
            lab = photo_to_lab(read_photo(shard.read(part.size)), (16, 16))
        return lab[:1], lab[1:]


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    """Two, of four photographs each."""
    files = [tmp_path / "0.tar", tmp_path / "1.tar"]
    for number, name in enumerate(SAMPLES):
        content = io.BytesIO()
        sample_photo(name).resize((40, 30)).save(content, "PNG")
        about = tarfile.TarInfo(f"{name}.png")
        about.size = content.tell()
        content.seek(0)
        with tarfile.open(files[number % 2], "a") as shard:
            shard.addfile(about, content)
    return Shards(files)


def test_shards_on_disk_feed_a_training(shards: Shards, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sorted(shards.names) == sorted(f"{name}.png" for name in SAMPLES)
    kept = run(shards, shards)
    assert shards.read == 2 * (1 + len(shards))  # once for each split
    monkeypatch.setattr(datasets, "MOST_IN_MEMORY", 1)
    asked = run(shards, shards)
    assert shards.read > 6 * len(shards)  # for baselines, for the epoch, for its validation
    assert asked.baselines == kept.baselines
    assert [row | {"seconds": 0} for row in asked.rows] == [
        row | {"seconds": 0} for row in kept.rows
    ]
    few = Subset(shards, range(7))
    assert len({run(each, few).fingerprint for each in (shards, few)}) == 2
    wrong = [(torch.full((1, 16, 16), 255.0), torch.zeros(2, 16, 16))] * 8
    with pytest.raises(ValueError, match="L: expected 0 to 100"):
        run(wrong, shards)


def test_subsets_keep_their_names(data: LabDataset) -> None:
    some = Subset(data, [5, 2])
    assert to_dataset("train", some, 16, "train").names == ["scene 5", "scene 2"]
    both = ConcatDataset((Subset(some, [1]), Own(data.lab[:2])))
    assert to_dataset("train", both, 16, "train").names == ["scene 2", "picture 0", "picture 1"]


def test_a_folder_is_opened(photo_folder: Path) -> None:
    opened = []
    history = run(
        photo_folder, str(photo_folder), on_data=lambda *sets: opened.extend(map(len, sets))
    )
    assert opened == [len(load_dataset(photo_folder, 16, split)) for split in ("train", "val")]
    assert history.config == replace(CONFIG, data=str(photo_folder))
    measured = evaluate(history.model, photo_folder)
    assert measured["size"] == 16 and measured["pictures"] == opened[1]


def endless() -> Iterator[int]:
    yield 1


def test_what_is_no_dataset(data: LabDataset) -> None:
    refused = {
        r"train: expected a dataset.*got DataLoader; pass its \.dataset": DataLoader(data),
        r"train: expected a dataset.*got 3 \(int\)": 3,
        r"train: expected a dataset.*got \{'train': 1\} \(dict\)": {"train": 1},
        "train: expected a dataset.*got generator": endless(),
        r"got Tensor of shape \(3, 16, 16\)": data.lab,
        "train: expected pictures as L .* and ab .*, got Image and 3": [
            (Image.new("L", (8, 8)), 3)
        ],
        r"got Tensor of shape \(2, 16, 16\).* and Tensor of": [data[0][::-1]],
    }
    for told, source in refused.items():
        with pytest.raises(TypeError, match=told) as error:
            run(source, data)
        assert "\n" not in str(error.value)
    mixed = [data[0], tuple(part[:, :8, :8] for part in data[0])]
    with pytest.raises(ValueError, match=r"one size, got \(16, 16\) and \(8, 8\)"):
        run(mixed, data)
    with pytest.raises(TypeError, match="model: expected a network, such as from load_model"):
        run(data, data, model="landscapes")
    with pytest.raises(TypeError, match=r"model: expected a network.*got 'landscapes'"):
        evaluate("landscapes", data)
    with pytest.raises(TypeError, match="config: expected a TrainConfig, got 'scenes'"):
        fit("scenes")
    with pytest.raises(TypeError, match=r"data: expected a name or a path, got 3 \(int\)"):
        load_dataset(3)
    with pytest.raises(ValueError, match="Scenes does not exist; did you mean scenes"):
        load_dataset("Scenes")
    with pytest.raises(ValueError, match="train: expected at least one picture"):
        run([], data)


def test_a_slice_is_several_pictures(data: LabDataset, photo_folder: Path) -> None:
    for pictures in (data, load_dataset(photo_folder, 16, "all")):
        L, ab = pictures[0:3]
        assert (L.shape, ab.shape) == ((3, 1, 16, 16), (3, 2, 16, 16))
        assert torch.equal(L[2], pictures[2][0]) and torch.equal(ab[2], pictures[2][1])


def test_numpy_is_lab_too(data: LabDataset) -> None:
    again = LabDataset(data.lab.numpy()[:, :, ::-1, ::-1], data.names)
    assert torch.equal(again.lab, data.lab.flip(2, 3))
    assert again.report.used == 16


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lab: (2.55 * lab[:, :1]).byte().expand(-1, 3, -1, -1), "got Tensor .*uint8; color"),
        (lambda lab: lab.abs() / 128, r"L: expected 0 to 100, got .*; color\.rgb_to_lab"),
        (lambda lab: lab.abs() * 2.55, "L: expected 0 to 100, got .* to 2"),
        (lambda lab: torch.cat((lab[:, :1], lab[:, 1:] / 110), 1), "multiply them by it"),
        (lambda lab: lab * torch.nan, "replace what is NaN"),
        (lambda lab: lab[:, :2], r"expected shape \(N, 3, size, size\), got \(16, 2, 16, 16\)"),
        (lambda lab: lab[..., :8], "expected shape"),
        (lambda lab: lab[:9], "names: expected one for each of 9 pictures, got 16"),
        (lambda lab: lab.tolist(), "lab: expected floats in CIE units, got list"),
    ],
)
def test_pictures_that_are_not_lab(change: object, told: str, data: LabDataset) -> None:
    with pytest.raises((TypeError, ValueError), match=told):
        LabDataset(change(data.lab.float()), data.names)


def test_gray_and_black_pictures_are_lab() -> None:
    gray = torch.zeros(2, 3, 8, 8)
    assert len(LabDataset(gray, ["black", "black"])) == 2
    gray[:, 0] = torch.rand(2, 8, 8) * 100
    assert len(LabDataset(gray.numpy().astype(np.float64), ["gray", "gray"])) == 2


def test_a_folder_is_the_same_however_it_is_spelled(
    photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = replace(CONFIG, data="photos")
    out = tmp_path / "run"
    fit(config, out=out, device="cpu", progress=False)
    for spelled in ("photos/", os.path.join(".", "photos"), str(photo_folder)):
        again = replace(config, data=spelled)
        history = fit(again, out=out, resume=True, device="cpu", progress=False)
        assert history.config == config
        assert len(history.rows) == 1
    with pytest.raises(ValueError, match="run was started with, in photos; got those in samples"):
        fit(replace(config, data="samples"), out=out, resume=True, device="cpu", progress=False)


def test_another_default_type_changes_nothing(data: LabDataset) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert next(run(data, data).model.parameters()).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import data
from course_utils.color import rgb_to_lab
from course_utils.data import batches, flip_and_crop, load_dataset
from course_utils.photos import SAMPLES, pil_to_tensor, resize
from course_utils.plumbing.cache import Entry, open_cache
from course_utils.plumbing.files import data_home
from course_utils.plumbing.splits import content_splits


def test_every_file_is_accounted_for(photo_folder: Path) -> None:
    sets = {split: load_dataset(photo_folder, 16, split) for split in ("train", "val")}
    reports = [each.report for each in sets.values()]
    assert sum(r.used + len(r.gray) + len(r.broken) for r in reports) == 8
    broken = {name: why for report in reports for name, why in report.broken.items()}
    assert list(broken) == ["broken.jpg"]
    assert "expected a picture" in broken["broken.jpg"]
    assert "gray.png" not in sets["train"].names
    everything = load_dataset(photo_folder, 16, "all")
    assert set(sets["train"].names) | set(sets["val"].names) <= set(everything.names)
    assert not set(sets["train"].names) & set(sets["val"].names)


def test_the_pixels_are_resized_and_converted(photo_folder: Path) -> None:
    dataset = load_dataset(photo_folder, 24, "all")
    index = dataset.names.index("photo 3.png")
    L, ab = dataset[index]
    assert L.shape == (1, 24, 24)
    assert ab.shape == (2, 24, 24)
    expected = rgb_to_lab(resize(pil_to_tensor(Image.open(photo_folder / "photo 3.png")), (24, 24)))
    assert (torch.cat((L, ab)) - expected).abs().max() <= 0.05  # what the cache may lose


def test_what_cannot_be_read_is_named_whatever_it_is(photo_folder: Path) -> None:
    (photo_folder / "phone.HEIC").write_bytes(b"\0\0\0 ftypheic")
    (photo_folder / "torn.avif").write_bytes(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + b"\0" * 99)
    broken = {"broken.jpg", "phone.HEIC", "torn.avif"}
    if os.name != "nt":  # where links need special rights
        (photo_folder / "gone.jpg").symlink_to(photo_folder / "nothing.jpg")
        broken.add("gone.jpg")
    (photo_folder / "notes.txt").write_text("no photo, and not meant to be one")
    report = load_dataset(photo_folder, 16, "all").report
    assert set(report.broken) == broken
    assert report.used == 7


def test_a_broken_file_is_never_all_there_is_to_validate_on(tmp_path: Path) -> None:
    for number in range(4):
        Image.new("RGB", (9, 9), (90, 60 * number, 10)).save(tmp_path / f"{number}.png")
    for number in range(40):
        (tmp_path / f"broken{number}.png").write_bytes(bytes([number]) * 9)
    assert len(load_dataset(tmp_path, 8, "val")) >= 1
    assert len(load_dataset(tmp_path, 8, "train")) >= 1


def test_train_and_val_folders_are_taken_at_their_word(photo_folder: Path) -> None:
    for split, name in (("train", "photo 1.png"), ("val", "photo 2.png")):
        (photo_folder / split / "class").mkdir(parents=True)
        (photo_folder / name).rename(photo_folder / split / "class" / name)
    assert load_dataset(photo_folder, 16, "train").names == ["train/class/photo 1.png"]
    assert load_dataset(photo_folder, 16, "val").names == ["val/class/photo 2.png"]


def test_only_the_pictures_of_a_split_are_converted(
    photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converted = []

    def spy(files: list[Path], *options: object) -> tuple:
        converted.extend(file.name for file in files)
        return open_cache(files, *options)

    monkeypatch.setattr(data, "open_cache", spy)
    monkeypatch.setenv("COURSE_DATA", str(photo_folder.parent / "home"))
    for folder, name in (("train2017", "photo 1.png"), ("Valid", "photo 2.png")):
        (photo_folder / folder).mkdir()
        (photo_folder / name).rename(photo_folder / folder / name)
    report = load_dataset(photo_folder, 16, "train").report
    assert converted == ["photo 1.png"]
    assert report.files == report.used + report.elsewhere == 8
    assert "Valid/ is val, train2017/ is train; others are left out" in str(report)
    assert load_dataset(photo_folder, 16, "val").names == ["Valid/photo 2.png"]
    assert load_dataset(photo_folder, 16, "train").names == ["train2017/photo 1.png"]
    assert len(list((data_home() / "cache").glob("*/index.json"))) == 2  # both are kept
    assert load_dataset(photo_folder, 16, "all").report.files == 8


def test_nothing_is_learned_from_test_pictures(photo_folder: Path) -> None:
    for folder, numbers in (("train", range(4)), ("test", range(4, 6))):
        (photo_folder / folder).mkdir()
        for number in numbers:
            name = f"photo {number}.png"
            (photo_folder / name).rename(photo_folder / folder / name)
    both = [load_dataset(photo_folder, 16, split) for split in ("train", "val")]
    names = [name for dataset in both for name in dataset.names]
    assert sorted(names) == [f"train/photo {number}.png" for number in range(4)]
    assert "test/ is test" in str(both[0].report)


def test_one_photograph_cannot_be_split(photo_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    for name in ("a.png", "copy of a.png"):
        (tmp_path / "one" / name).write_bytes((photo_folder / "photo 1.png").read_bytes())
        for split in ("train", "val"):
            with pytest.raises(ValueError, match="data: expected two different photographs in"):
                load_dataset(tmp_path / "one", 16, split)
    assert len(load_dataset(tmp_path / "one", 16, "all")) == 2
    (tmp_path / "one" / "b.png").write_bytes((photo_folder / "photo 2.png").read_bytes())
    assert len(load_dataset(tmp_path / "one", 16, "val"))


def test_two_photographs_are_always_split() -> None:
    """Even where the content of both would put them into validation, as of 1 in 100 pairs."""
    pairs = ([Entry(f"{n} {k}", f"digest {n} {k}", k, 9.0, "0f" [k] * 16) for k in (0, 1)]
             for n in range(300))  # fmt: skip
    sides = [content_splits(pair, Path("photos")) for pair in pairs]
    assert all(sorted(each) == ["train", "val"] for each in sides)


def test_any_index_of_pictures_in_a_file(photo_folder: Path) -> None:
    lab = load_dataset(photo_folder, 16, "all").lab
    for index in (1, np.int64(1), torch.tensor(1)):
        assert torch.equal(lab[index, 1:], lab[:][1, 1:])
    assert torch.equal(lab[[1, 2], 1:], lab[:][[1, 2], 1:])


def test_copies_stay_on_one_side_of_the_split(photo_folder: Path) -> None:
    for number in range(6):
        content = (photo_folder / f"photo {number}.png").read_bytes()
        (photo_folder / f"copy {number}.png").write_bytes(content)
    names = load_dataset(photo_folder, 16, "val").names
    assert {name[-5] for name in names if "copy" in name} == {
        name[-5] for name in names if "photo" in name
    }


def test_augmentation_keeps_question_and_answer_together() -> None:
    picture = torch.linspace(-50, 50, 32 * 32).reshape(1, 1, 32, 32)
    lab = torch.cat((picture + 50, picture, -picture), dim=1).repeat(64, 1, 1, 1)
    varied = flip_and_crop(lab, torch.Generator().manual_seed(0))
    assert torch.allclose(varied[:, 0] - 50, varied[:, 1], atol=1e-3)
    assert torch.allclose(varied[:, 1], -varied[:, 2], atol=1e-3)
    falling = (varied[:, 1, 16, 30] < varied[:, 1, 16, 1]).float().mean()
    assert 0.25 < falling < 0.75  # about half are mirrored
    assert varied.amin() >= lab.amin() - 1e-3


def test_a_crop_of_a_larger_picture_is_sharp() -> None:
    stripes = (torch.arange(96) // 2 % 2).expand(8, 3, 96, 96).float()  # 2 pixels light, 2 dark
    varied = flip_and_crop(stripes, torch.Generator().manual_seed(0), 64)
    assert varied.shape == (8, 3, 64, 64)
    assert varied.std(dim=(1, 2, 3)).min() > 0.3


def test_batches_visit_everything_once(scene_dataset: data.LabDataset) -> None:
    generator = torch.Generator().manual_seed(3)
    shuffled = torch.cat([L for L, _ in batches(scene_dataset, 10, generator)])
    in_order = torch.cat([L for L, _ in batches(scene_dataset, 10)])
    assert len(shuffled) == 48
    assert not torch.equal(shuffled, in_order)
    assert torch.equal(shuffled.sum((1, 2, 3)).sort()[0], in_order.sum((1, 2, 3)).sort()[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no/such/folder",), "does not exist"),
        (("pyproject.toml",), "is a file"),
        (("tests",), "found none"),
        (("scenes", 20), "positive multiple of 8"),
        (("scenes", -8), "positive multiple of 8"),
        (("scenes", 64, "test"), "expected one of train, val, all"),
    ],
)
def test_bad_sources(arguments: tuple, message: str, pytestconfig: pytest.Config) -> None:
    name, *rest = arguments
    path = pytestconfig.rootpath / name if name != "scenes" else name
    with pytest.raises(ValueError, match=message):
        load_dataset(path, *rest)


def test_samples_and_scenes_need_no_download() -> None:
    assert len(load_dataset("samples", 16, "all")) == len(SAMPLES)
    scenes = load_dataset("scenes", 8, "val")
    assert len(scenes) == data.SCENE_COUNTS["val"]
    assert scenes.l2_floor > 0

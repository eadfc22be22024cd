"""The cache on disk: exact enough, built once, never half, small in memory."""

import os
import pickle
import random
import signal
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from course_utils.data import load_dataset
from course_utils.photos import all_files, photo_to_lab, pil_to_tensor, read_photo, sample_photo
from course_utils.plumbing import cache, duplicates
from course_utils.plumbing.cache import open_cache
from course_utils.plumbing.duplicates import SAME, dhash, near_duplicates
from course_utils.plumbing.pictures import PicturesInFile
from course_utils.recipe import TrainConfig
from course_utils.training import fit


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every folder that is built while the test runs."""
    built, build = [], cache._build
    monkeypatch.setattr(cache, "_build", lambda *all: (built.append(all[0]), build(*all))[1])
    return built


def test_what_is_kept_is_the_picture(photo_folder: Path, home: Path) -> None:
    files = all_files(photo_folder)
    lab, entries = open_cache(files, photo_folder, 32)
    assert [entry.name for entry in entries] == [file.name for file in files]
    kept = PicturesInFile(lab, np.arange(7), 32)
    assert kept.shape == (7, 3, 32, 32)
    for file, entry in zip(files, entries, strict=True):
        if entry.row < 0:
            assert entry.name == "broken.jpg"
            continue
        exact = photo_to_lab(read_photo(file), (32, 32))
        assert (kept[entry.row].float() - exact).abs().max() <= 0.05
    picked = kept[torch.tensor([4, 1])]
    assert torch.equal(picked[1], kept[1])
    assert torch.equal(kept[1:3], kept[[1, 2]])
    assert torch.equal(kept[1:3, 1:], kept[1:3][:, 1:])
    assert torch.equal(kept[2, 0], kept[2][0])
    assert torch.equal(pickle.loads(pickle.dumps(kept))[4], kept[4])


def test_built_once_and_again_only_when_something_changes(
    photo_folder: Path, home: Path, builds: list
) -> None:
    load_dataset(photo_folder, 16, "train")
    load_dataset(photo_folder, 16, "val")
    assert len(builds) == 1
    load_dataset(photo_folder, 24)
    load_dataset(photo_folder, 16, fit="crop")
    assert len(builds) == 3
    extra = photo_folder / "later.png"
    sample_photo("cat").resize((50, 50)).save(extra)
    assert len(load_dataset(photo_folder, 16, "all")) == 8
    os.utime(extra, (1, 1))
    assert len(load_dataset(photo_folder, 16, "all")) == 8
    extra.unlink()
    assert len(load_dataset(photo_folder, 16, "all")) == 7
    assert len(builds) == 6
    assert len(list((home / "cache").glob("photos-16-stretch-*/lab.bin"))) == 1  # old ones go


def test_a_folder_behind_a_link_or_a_relative_path(
    photo_folder: Path, home: Path, builds: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.name == "nt":
        pytest.skip("links need special rights")
    link = photo_folder.parent / "link"
    link.symlink_to(photo_folder)
    monkeypatch.chdir(photo_folder.parent)
    names = load_dataset(photo_folder, 16, "all").names
    assert load_dataset(link, 16, "all").names == names
    assert load_dataset("photos", 16, "all").names == names
    assert len(builds) == 1


def test_the_splits_are_the_same_at_every_size(photo_folder: Path) -> None:
    names = load_dataset(photo_folder, 16, "val").names
    assert load_dataset(photo_folder, 40, "val", fit="crop").names == names


OPEN = "import sys; from course_utils.data import load_dataset; "
OPEN += "print(len(load_dataset(sys.argv[1], int(sys.argv[2]), 'all')))"


def opening(folder: Path, size: int, before: str = "") -> subprocess.Popen:
    command = [sys.executable, "-c", before + OPEN, str(folder), str(size)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def many_photos(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    generator = np.random.default_rng(1)
    for number in range(150):
        pixels = generator.integers(0, 256, (90, 120, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((600, 450)).save(folder / f"{number}.jpg")
    return folder


def test_two_processes_build_it_once(many_photos: Path, home: Path) -> None:
    both = [opening(many_photos, 64) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == ["150\n"] * 2
    assert len(list((home / "cache").glob("*/index.json"))) == 1
    assert not list((home / "cache").glob("*building*"))


KILLED = """
import itertools, os
from course_utils.plumbing import cache
count, hashed = itertools.count(), cache.dhash
cache.dhash = lambda pixels: os.kill(os.getpid(), 9) if next(count) == 75 else hashed(pixels)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_build_is_never_taken_for_a_whole_one(many_photos: Path, home: Path) -> None:
    process = opening(many_photos, 256, KILLED)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert list((home / "cache").glob("*building*"))
    assert not list((home / "cache").glob("*/index.json"))
    assert len(load_dataset(many_photos, 256, "all")) == 150
    assert not list((home / "cache").glob("*building*"))


def test_a_full_disk_is_said_clearly_and_leaves_nothing(
    many_photos: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no file size limit")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))  # as if the disk were full
    try:
        with pytest.raises(ValueError, match=r"cache: cannot write .*Set COURSE_DATA"):
            load_dataset(many_photos, 128)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [file for file in (home / "cache").iterdir() if file.is_dir()]
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: type("", (), {"free": 10_000_000}))
    with pytest.raises(ValueError, match=r"No space left.*; 14 MB are needed, 10 MB are free"):
        load_dataset(many_photos, 128)


def test_no_right_to_write_is_said_clearly(
    photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "file"))
    with pytest.raises(ValueError, match="cache: cannot write to"):
        load_dataset(photo_folder, 16)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path: Path) -> None:
    size, count = 64, 12_000  # 295 MB
    (tmp_path / "lab.bin").write_bytes(bytes(count * 3 * size * size * 2))
    pictures = PicturesInFile(tmp_path / "lab.bin", np.arange(count), size)

    def resident() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    before = resident()
    for chosen in torch.randperm(count).split(100):
        assert pictures[chosen].shape == (100, 3, size, size)
    assert resident() - before < 150


def test_near_duplicates_are_found_and_others_are_not() -> None:
    cat, rocket = sample_photo("cat"), sample_photo("rocket")
    copies = [cat, cat.resize((130, 100)), cat.crop((1, 1, 449, 298)), rocket, cat.rotate(90)]
    hashes = [dhash(pil_to_tensor(image)) for image in copies]
    groups = near_duplicates([*hashes, "", dhash(torch.full((3, 375, 500), 77).byte()), hashes[3]])
    assert groups[0] == groups[1] == groups[2]
    assert groups[3] == groups[7]
    assert len({groups[n] for n in (0, 3, 4, 5, 6)}) == 5


def test_groups_are_those_of_comparing_every_pair() -> None:
    rng, hashes = random.Random(0), []
    for _ in range(30):
        bits = rng.getrandbits(128)
        for _ in range(rng.randrange(1, 12)):
            hashes.append(f"{bits:032x}")
            for _ in range(rng.randrange(9)):  # up to 8 of 128 differ, one too many
                bits ^= 1 << rng.randrange(128)
    alike = [
        (a, b)
        for a, b in combinations(range(len(hashes)), 2)
        if (int(hashes[a], 16) ^ int(hashes[b], 16)).bit_count() <= SAME
    ]
    rows, columns = zip(*alike, strict=True)
    joined = coo_array((np.ones(len(alike)), (rows, columns)), (len(hashes), len(hashes)))
    _, expected = connected_components(joined, directed=False)
    groups = near_duplicates(hashes)
    assert len(set(groups)) == len(set(expected)) == len(set(zip(groups, expected, strict=True)))


def test_near_duplicates_are_sought_once(
    photo_folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sought = []

    def counted(hashes: list[str], progress: bool) -> list[int]:
        sought.append(hashes)
        return near_duplicates(hashes, progress)

    monkeypatch.setattr(duplicates, "near_duplicates", counted)
    config = TrainConfig(photo_folder, size=16, width=0.05, epochs=1)
    fit(config, progress=False)  # at 24 pixels to train on, and at 16 to validate on
    names = load_dataset(photo_folder, 32, "val").names
    assert len(sought) == 1
    (kept,) = (home / "cache").glob("photos-alike-*")
    kept.write_bytes(b"damaged")
    assert load_dataset(photo_folder, 32, "val").names == names
    assert len(sought) == 2
    sample_photo("cat").resize((50, 50)).save(photo_folder / "later.png")
    load_dataset(photo_folder, 32, "val")
    assert len(sought) == 3
    assert len(list((home / "cache").glob("photos-alike-*"))) == 1


def test_what_will_be_kept_is_said_before(
    photo_folder: Path, home: Path, capsys: pytest.CaptureFixture
) -> None:
    load_dataset(photo_folder, 256, progress=True)
    told = capsys.readouterr().err
    assert (
        f"Converting 8 photographs to 256x256 Lab: up to 3.1 MB in {home / 'cache'}"
        in told.splitlines()[0]
    )
    load_dataset(photo_folder, 256, progress=True)
    assert capsys.readouterr().err == ""


def test_near_duplicates_stay_on_one_side(tmp_path: Path, home: Path) -> None:
    generator = np.random.default_rng(5)
    for number in range(40):
        pixels = generator.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).resize((240, 180), Image.Resampling.BICUBIC)
        image.save(tmp_path / f"{number} a.png")
        image.resize((120, 90)).save(tmp_path / f"{number} b.jpg")
    val = load_dataset(tmp_path, 16, "val").names
    assert val
    assert sorted(name.split()[0] for name in val if " a" in name) == sorted(
        name.split()[0] for name in val if " b" in name
    )


def test_the_report_adds_up_to_all_files(photo_folder: Path, home: Path) -> None:
    (photo_folder / "notes.txt").write_text("no photo, and not meant to be one")
    (photo_folder / "sub").mkdir()
    (photo_folder / "sub" / "list.csv").touch()
    for split in ("train", "val", "all"):
        report = load_dataset(photo_folder, 16, split).report
        assert report.files == len(all_files(photo_folder)) == 10
        assert report.other == ["notes.txt", "sub/list.csv"]
    with pytest.raises(ValueError, match=r"0 used, [56] gray left out"):
        load_dataset(photo_folder, 16, "train", gray_chroma=100)

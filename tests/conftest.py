"""Shared by all tests: small pictures, and where the landscapes lie if they are here."""

import os
import tempfile
from pathlib import Path

# Two workers on two cores: one thread each, in the notebooks' kernels too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.data import LabDataset, Report
from course_utils.scenes import render

# What a test converts or downloads goes away with it.
_DATA = tempfile.TemporaryDirectory()
os.environ["COURSE_DATA"] = _DATA.name

ROOT = Path(__file__).resolve().parent.parent
LANDSCAPES = ROOT.parent / "shared" / "data" / "landscapes"


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same random numbers in every run, whichever worker a test lands on."""
    torch.manual_seed(0)


@pytest.fixture
def landscapes() -> Path:
    if not LANDSCAPES.is_dir():
        pytest.skip("needs the landscapes photographs, which are not part of the project")
    return LANDSCAPES


@pytest.fixture(scope="session")
def scene_dataset() -> LabDataset:
    """48 scenes of 32 x 32."""
    made = render(range(48), 32)
    lab = torch.cat((made.L, made.ab), dim=1).half()
    return LabDataset(lab, [f"scene {i}" for i in range(48)], Report(used=48), made.l2_floor())


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    """Six different color photographs, one gray one and a broken one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(6):
        pixels = generator.integers(0, 256, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"photo {number}.png")
    Image.fromarray(generator.integers(0, 256, (40, 60), dtype=np.uint8)).save(folder / "gray.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return folder

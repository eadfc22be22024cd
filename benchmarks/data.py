"""From JPEG files to batches of Lab, the mini-project's way and ours: `python benchmarks/data.py`.

Photographs of 500 x 375 are generated: smooth structure, and noise enough that a file is as large
(about 50 kB, JPEG quality 90) as scikit-image's photographs are at that size. Images a second of
both ways, in turns in one process with one thread; the best of nine turns counts.
The mini-project decodes, resizes with Pillow, converts with scikit-image in float64 and makes a
tensor of every file in every epoch. Ours does so once, into a cache, and then reads.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage.color
import torch
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ToTensor

from course_utils.data import LabDataset, batches, load_dataset
from course_utils.network import ColorizationNet
from course_utils.photos import pil_to_tensor, resize
from course_utils.training import TrainConfig, fit

COUNT, BATCH, TURNS = 256, 32, 9


class MiniProject(Dataset):
    """As the mini-project reads: everything anew for every picture of every epoch."""

    def __init__(self, folder: Path, size: int) -> None:
        self.files, self.size = sorted(folder.glob("*.jpg")), size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = Image.open(self.files[index]).resize((self.size, self.size))
        if len(image.getbands()) != 3:
            image = image.convert("RGB")
        lab = ToTensor()(skimage.color.rgb2lab(np.array(image))).float()
        return lab[:1], lab[1:]


def generate(folder: Path) -> None:
    generator = np.random.default_rng(0)
    for number in range(COUNT):
        coarse = Image.fromarray(generator.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        pixels = np.asarray(coarse.resize((500, 375), Image.Resampling.BICUBIC), int)
        pixels = pixels + generator.normal(0, 5.5, pixels.shape)
        photo = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        photo.save(folder / f"{number:03}.jpg", quality=90)


def seconds(epoch: Callable[[], None]) -> float:
    began = time.perf_counter()
    epoch()
    return time.perf_counter() - began


def best(
    ways: dict[str, Callable[[], None]], before: Callable[[], None] = lambda: None
) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            before()
            taken[name].append(seconds(way))
    return {name: min(each) for name, each in taken.items()}


def read_all(dataset: LabDataset, augmented: bool = False) -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in batches(dataset, BATCH, generator, augmented):
        pass


def first_epoch(folder: Path, size: int, threads: int = 1) -> None:
    """Build the cache, and read it."""
    torch.set_num_threads(threads)
    read_all(load_dataset(folder, size, "all"))
    torch.set_num_threads(1)


def show(title: str, taken: dict[str, float], images: int = COUNT) -> None:
    print(f"\n{title}")
    reference = next(iter(taken.values()))
    for name, each in taken.items():
        print(f"  {name:34}{images / each:8.0f} images/s{reference / each:8.1f}x", flush=True)


def train_as_mini_project(loader: DataLoader) -> None:
    model = ColorizationNet(width=0.25)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-5, weight_decay=1e-3)
    for L, ab in loader:
        optimizer.zero_grad()
        F.mse_loss(model(L) / 110, ab / 110).backward()
        optimizer.step()


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "photos"
        folder.mkdir()
        generate(folder)
        os.environ["COURSE_DATA"] = place
        theirs = DataLoader(MiniProject(folder, 256), BATCH)
        torch.set_num_threads(1)
        image = Image.open(next(folder.glob("*.jpg")))
        ours = resize(pil_to_tensor(image), (256, 256)).permute(1, 2, 0).numpy().astype(int)
        pillows = np.asarray(image.resize((256, 256)), int)
        print(f"pixels differ from Pillow's bicubic by at most {abs(ours - pillows).max()} counts")
        show(
            "First epoch, 256 px, 1 thread",
            best(
                {
                    "mini-project": lambda: [None for _ in theirs],
                    "ours, cache built": lambda: first_epoch(folder, 256),
                    "ours, cache built by 2 threads": lambda: first_epoch(folder, 256, threads=2),
                },
                before=lambda: shutil.rmtree(Path(place) / "cache", ignore_errors=True),
            ),
        )
        cached = load_dataset(folder, 256, "all")
        show(
            "Later epochs, 256 px, 1 thread",
            best(
                {
                    "mini-project": lambda: [None for _ in theirs],
                    "ours, from the cache": lambda: read_all(cached),
                    "ours, with flips and crops": lambda: read_all(cached, augmented=True),
                }
            ),
        )
        began = time.perf_counter()
        next(batches(load_dataset(folder, 256, "all"), BATCH))
        print(f"\nfirst batch of a cached source after {time.perf_counter() - began:.2f} s")
        torch.set_num_threads(min(2, os.cpu_count() or 1))
        small = DataLoader(MiniProject(folder, 64), BATCH)
        load_dataset(folder, 64, "all")
        train, val = load_dataset(folder, 64, "train"), load_dataset(folder, 64, "val")
        recipe = {"size": 64, "width": 0.25, "epochs": 2, "batch_size": BATCH, "growth": 0.0}
        config = TrainConfig(data=str(folder), **recipe)  # as large pictures as theirs
        epochs: dict[str, float] = {"mini-project": float("inf"), "ours": float("inf")}
        for _ in range(TURNS):
            theirs_now = seconds(lambda: train_as_mini_project(small)) * len(train) / COUNT
            ours_now = fit(config, train, val, progress=False).rows[-1]["seconds"]
            epochs["mini-project"] = min(epochs["mini-project"], theirs_now)
            epochs["ours"] = min(epochs["ours"], ours_now)
        show("An epoch of training, width 0.25, 64 px, 2 threads", epochs, len(train))


if __name__ == "__main__":
    main()

"""What color hints bring: `python benchmarks/hints.py FOLDER [--out data/weights/hints.json]`.

FOLDER holds photographs that no network was trained on, such as photographs/val. Takes some of
half 1 (see tools/train_photographs.py; half 0 chose `SIGMA` and `REACH`), the middle square at
64x64, with random touches of 2x2 pixels that have the mean color there, the same for every way.
Prints MSE(ab) over all pixels, as answered and made paler until a screen can show it, which
`colorize` does. Then the milliseconds that a new hint takes.
"""

import argparse
import json
import statistics
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from course_utils.color import fit_gamut
from course_utils.colorize import Painter, load_model
from course_utils.data import load_dataset
from course_utils.hints import Carrier, Hint
from course_utils.photos import sample_photo
from course_utils.plumbing.progress import progress_bar
from tools.train_photographs import draw_hints, half_of

COUNTS = (1, 2, 5, 10, 20, 50)
SIZES = ((1024, 768), (4000, 3000))


def photographs(folder: Path, most: int) -> Tensor:
    """Some of half 1, drawn by a seed: Lab (N, 3, 64, 64) of their middle squares."""
    dataset = load_dataset(folder, 64, "all", fit="crop")
    mine = [n for n, name in enumerate(dataset.names) if half_of(name) == 1]
    order = torch.randperm(len(mine), generator=torch.Generator().manual_seed(1))[:most]
    return dataset.lab[[mine[n] for n in order]].float()


@torch.inference_mode()
def measure(lab: Tensor) -> dict[str, dict[str, list[float]]]:
    """MSE(ab) of Lab pictures (N, 3, 64, 64): how told -> way -> one number a count of hints."""
    light, truth = lab[:, :1], lab[:, 1:]
    network, learned = (load_model(name, "cpu") for name in ("photographs", "photographs-hints"))
    guess = torch.cat([network(part) for part in light.split(64)])
    touches = [
        draw_hints(truth, torch.full((len(lab),), count), 2, torch.Generator().manual_seed(count))
        for count in COUNTS
    ]
    answers = [
        torch.cat(
            [
                learned.to_ab(learned.logits(*parts))
                for parts in zip(light.split(64), each.split(64), strict=True)
            ]
        )
        for each in touches
    ]
    sums: dict = defaultdict(lambda: defaultdict(lambda: [0.0] * len(COUNTS)))
    for n in progress_bar(iterable=range(len(lab)), desc="photographs"):
        levin, fading = Carrier(light[n, 0], reach=float("inf")), Carrier(light[n, 0])
        for place in range(len(COUNTS)):
            colors, known = touches[place][n, :2], touches[place][n, 2] > 0
            mine, other = guess[n], answers[place][n]
            results = {
                "gray": torch.zeros_like(mine),
                "Levin": levin.carry(colors, known),
                "Levin, fading": fading.carry(colors, known),
                "network": mine,
                "network + residual": mine + fading.carry(colors - mine, known),
                "learned": other,
                "learned + residual": other + fading.carry(colors - other, known),
            }
            for way, ab in results.items():
                shown = fit_gamut(torch.cat((light[n], ab)))[1:]
                for told, each in (("answered", ab), ("shown", shown)):
                    error = (each - truth[n]).square().mean().item()
                    sums[told][way][place] += error / len(lab)
    return sums


def new_hints(size: tuple[int, int], turns: int) -> dict[str, float]:
    """Milliseconds on a photograph: once, and for each new hint (the median)."""
    photo = sample_photo("coffee").resize(size)
    Painter(photo).paint()  # warms up
    clock = [time.perf_counter()]
    painter = Painter(photo)
    clock.append(time.perf_counter())
    painter.carrier  # noqa: B018
    clock.append(time.perf_counter())
    dice, hints = torch.Generator().manual_seed(0), []
    photo_lab = painter.ab[0].flatten(1)
    for _ in range(turns):
        x, y, hue = torch.rand(3, generator=dice).tolist()
        pick = int(hue * photo_lab.shape[1])
        hints.append(Hint.from_ab(x, y, *(photo_lab[:, pick] + 15).tolist()))
        painter.paint(hints)
        clock.append(time.perf_counter())
    taken = [1000 * (end - start) for start, end in pairwise(clock)]
    names = ("photograph and network", "factorization")
    return dict(zip(names, taken, strict=False)) | {"new hint": statistics.median(taken[2:])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, default=200, help="photographs, drawn by a seed")
    parser.add_argument("--turns", type=int, default=15, help="hints whose time is taken")
    parser.add_argument("--out", type=Path, help="a JSON file for the errors")
    asked = parser.parse_args()
    lab = photographs(asked.folder, asked.most)
    table = measure(lab)
    print(f"MSE(ab) on {len(lab)} photographs at 64x64, with so many hints")
    for told, rows in table.items():
        print(f"{told:20}", *(f"{count:7}" for count in COUNTS))
        for way, errors in rows.items():
            print(f"  {way:18}", *(f"{error:7.1f}" for error in errors))
    if asked.out:
        rounded = {
            told: {way: [round(error, 2) for error in errors] for way, errors in rows.items()}
            for told, rows in table.items()
        }
        content = {"photographs": len(lab), "size": 64, "hints": COUNTS, "mse_ab": rounded}
        asked.out.write_text(json.dumps(content, indent=1) + "\n")
    for size in SIZES:
        times = new_hints(size, asked.turns)
        told = ", ".join(f"{name} {taken:.0f} ms" for name, taken in times.items())
        print(f"{size[0]}x{size[1]}, {torch.get_num_threads()} threads: {told}")


if __name__ == "__main__":
    main()

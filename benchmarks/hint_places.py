"""Where hints do most: `python benchmarks/hint_places.py FOLDER [--out data/weights/...json]`.

The photographs, their size and the touches are those of `benchmarks/hints.py`, as is the way:
network + residual. What differs is where the next touch goes:

- random: anywhere
- most unsure: where the entropy of `photographs-vivid` is greatest, less where hints reach already
- far-reaching: where a hint would reach most of what none reaches yet
- far, unsure: where it would reach most of the entropy that is left, the two together
- seen mistake: where the picture, smoothed over 9 x 9 pixels, is farthest from the truth, as one
  who knows the colors would see it
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import torch
from hints import photographs
from torch import Tensor
from torch.nn import functional as F

from course_utils.color import fit_gamut
from course_utils.colorize import load_model
from course_utils.hints import Carrier
from course_utils.plumbing.progress import progress_bar
from course_utils.widgets.classification import entropy

COUNTS = (1, 2, 5, 10, 20)
WAYS = ("random", "most unsure", "far-reaching", "far, unsure", "seen mistake")
PATCH, SEEN = 2, 9  # pixels of a touch, and of what one sees at a glance


def add_touch(colors: Tensor, known: Tensor, truth: Tensor, pixel: int) -> None:
    """Touch ab (2, H, W) with the mean color there; `known` (H, W) says where."""
    height, width = known.shape
    row, column = min(pixel // width, height - PATCH), min(pixel % width, width - PATCH)
    patch = (slice(row, row + PATCH), slice(column, column + PATCH))
    colors[:, *patch] = truth[:, *patch].mean(dim=(1, 2), keepdim=True)
    known[patch] = True


def reached(carrier: Carrier, known: Tensor) -> Tensor:
    """How much of a residual of 1 at every touch arrives, (H, W)."""
    return carrier.carry(torch.ones(1, *known.shape), known)[0].clamp(0, 1)


def reach_of_each(carrier: Carrier) -> tuple[Tensor, Tensor]:
    """Every fourth pixel both ways, and how much of a residual of 1 there arrives everywhere:
    (N,) and (N, H*W)."""
    height, width = carrier.shape
    pixels = torch.arange(height * width).reshape(height, width)[2::4, 2::4].flatten()
    source = torch.zeros(height * width, len(pixels), dtype=torch.float64)
    source[pixels, range(len(pixels))] = 1
    spread = torch.from_numpy(carrier.factors.solve(source.numpy())).T
    return pixels, (spread / spread[range(len(pixels)), pixels, None]).float()


def mean_squared(lab: Tensor, ab: Tensor) -> float:
    """Of a picture made paler until a screen can show it, as `colorize` does."""
    shown = fit_gamut(torch.cat((lab[:1], ab)))[1:]
    return (shown - lab[1:]).square().mean().item()


def errors(lab: Tensor, guess: Tensor, unsure: Tensor, way: str, dice: torch.Generator) -> list:
    """MSE(ab) of a photograph (3, H, W) after so many touches as `COUNTS` has."""
    truth, carrier = lab[1:], Carrier(lab[0])
    colors, known = torch.zeros_like(truth), torch.zeros(truth.shape[1:], dtype=torch.bool)
    ab, found = guess, []
    if way.startswith("far"):
        pixels, spread = reach_of_each(carrier)
    for count in range(1, COUNTS[-1] + 1):
        if way == "random":
            worth = torch.rand(known.numel(), generator=dice)
        elif way == "seen mistake":
            wrong = (truth - ab).square().sum(dim=0)[None, None]
            worth = F.avg_pool2d(wrong, SEEN, 1, SEEN // 2).flatten()
        else:
            left = 1 - reached(carrier, known)
            worth = (left if way == "far-reaching" else left * unsure).flatten()
        if way.startswith("far"):
            gain = spread @ worth * left.flatten()[pixels]  # where a hint is, another gains nothing
            worth = torch.zeros_like(worth).index_copy(0, pixels, gain)
        add_touch(colors, known, truth, worth.argmax().item())
        ab = guess + carrier.carry(colors - guess, known)
        if count in COUNTS:
            found.append(mean_squared(lab, ab))
    return found


@torch.inference_mode()
def measure(lab: Tensor) -> dict[str, list[float]]:
    """The mean over Lab pictures (N, 3, 64, 64): way -> one number a count."""
    network, vivid = load_model("photographs", "cpu"), load_model("photographs-vivid", "cpu")
    sums: dict = defaultdict(lambda: torch.zeros(len(COUNTS), dtype=torch.float64))
    dice = torch.Generator().manual_seed(0)
    for picture in progress_bar(iterable=lab, desc="photographs"):
        light = picture[None, :1]
        guess = network(light)[0]
        unsure = entropy(vivid.logits(light)[0].log_softmax(dim=0))  # (h/4, w/4)
        unsure = F.interpolate(unsure[None, None], guess.shape[1:], mode="bilinear")[0, 0]
        sums["no hint"] += mean_squared(picture, guess) / len(lab)
        for way in WAYS:
            sums[way] += torch.tensor(errors(picture, guess, unsure, way, dice)) / len(lab)
    return {way: total.tolist() for way, total in sums.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, default=100, help="photographs, drawn by a seed")
    parser.add_argument("--out", type=Path, help="a JSON file for the errors")
    asked = parser.parse_args()
    lab = photographs(asked.folder, asked.most)
    table = measure(lab)
    print(f"{'hints':14}", *(f"{count:7}" for count in COUNTS))
    for way, each in table.items():
        print(f"{way:14}", *(f"{error:7.1f}" for error in each))
    if asked.out:
        rounded = {way: [round(error, 2) for error in each] for way, each in table.items()}
        content = {"photographs": len(lab), "size": 64, "hints": COUNTS, "mse_ab": rounded}
        asked.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Which colors are guessed wrong in the same direction: `python benchmarks/hues.py FOLDER`.

FOLDER holds photographs/val. The photographs are grouped by the hue of their mean color; for each
group, by how many degrees the network's mean color is turned away from the true one, and how much
of the true chroma is left. Writes data/weights/hues.json, which lesson 8 reads.
"""

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor

from course_utils.colorize import WEIGHTS, load_model
from course_utils.data import batches, load_dataset

HUES = ("red", "orange", "yellow", "yellow-green", "green", "cyan", "blue", "violet")
LEAST, DRAWS = 8.0, 1000  # chroma that a photograph's mean color must have; bootstrap


def degrees(ab: Tensor) -> Tensor:
    """The hue of colors (N, 2), 0 to 360."""
    return torch.atan2(ab[:, 1], ab[:, 0]).rad2deg() % 360


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", default="photographs")
    parser.add_argument("--out", type=Path, default=WEIGHTS / "hues.json")
    options = parser.parse_args()
    dataset = load_dataset(options.folder / "photographs" / "val", 64, "all", fit="crop")
    model = load_model(options.weights, "cpu")
    with torch.inference_mode():
        means = [(model(L).mean((2, 3)), ab.mean((2, 3))) for L, ab in batches(dataset, 64)]
    guess, truth = map(torch.cat, zip(*means, strict=True))  # (N, 2) each
    turn = (degrees(guess) - degrees(truth) + 180) % 360 - 180  # (N,)
    group = ((degrees(truth) + 22.5) // 45 % 8).int()
    group[truth.norm(dim=1) < LEAST] = -1
    generator, rows = torch.Generator().manual_seed(0), []
    for number, hue in enumerate(HUES):
        mine = group == number
        turns = turn[mine]
        drawn = torch.randint(len(turns), (DRAWS, len(turns)), generator=generator)
        low, high = turns[drawn].median(dim=1).values.quantile(torch.tensor([0.025, 0.975]))
        kept = guess[mine].norm(dim=1).mean() / truth[mine].norm(dim=1).mean()
        rows.append(
            {
                "hue": hue,
                "photographs": len(turns),
                "turned": round(turns.median().item(), 1),
                "turned_95": [round(low.item(), 1), round(high.item(), 1)],
                "chroma_kept": round(kept.item(), 3),
            }
        )
        print(rows[-1])
    options.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""What photographs of everything teach that landscapes do not: `python benchmarks/kinds.py FOLDER`.

FOLDER holds landscapes and photographs, each with train/ and val/. A network of width 0.25 is
trained at 64x64 for the same number of steps on either and on both, with two seeds each, and
measured on both kinds after its last epoch, so that validation chooses nothing. Writes kinds.json.
"""

import argparse
import json
from pathlib import Path

import torch

from course_utils.colorize import WEIGHTS
from course_utils.data import LabDataset, load_dataset
from course_utils.metrics import mean_mse
from course_utils.recipe import TrainConfig
from course_utils.training import fit


def joined(first: LabDataset, second: LabDataset) -> LabDataset:
    lab = torch.cat((first.lab[:], second.lab[:]))
    return LabDataset(lab, first.names + second.names, first.report)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=1750)
    options = parser.parse_args()
    kinds = ("landscapes", "photographs")
    size = TrainConfig(data="photographs").train_size
    train = {kind: load_dataset(options.folder / kind, size, "train") for kind in kinds}
    train["both"] = joined(*train.values())
    val = {kind: load_dataset(options.folder / kind, 64, "val") for kind in kinds}
    rows = [{"trained on": "nothing: gray"}]
    rows[0] |= {kind: val[kind].lab[:, 1:].float().square().mean().item() for kind in kinds}
    for name, pictures in train.items():
        for seed in (0, 1):
            epoch = -(-len(pictures) // TrainConfig.batch_size)  # steps
            epochs = max(1, round(options.steps / epoch))
            config = TrainConfig(data=name, epochs=epochs, growth=0, seed=seed)
            model = fit(config, pictures, val["landscapes"], progress=False).model
            row = {"trained on": name, "pictures": len(pictures), "steps": epoch * epochs}
            row |= {"seed": seed} | {kind: mean_mse(model, val[kind]) for kind in kinds}
            rows.append(row)
            print(row, flush=True)
            (WEIGHTS / "kinds.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()

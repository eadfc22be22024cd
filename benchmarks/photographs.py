"""What the card of `photographs` says: `python benchmarks/photographs.py FOLDER`.

FOLDER holds photographs/val, with one folder a kind, and landscapes/val. Measures the networks
that ship, at 64x64 pixels of the middle square, on both halves of the first (half 0 chose the epoch
of `photographs`, half 1 only whether its last step ships) and on the second. Writes
photographs.metrics.json and, for every photograph of half 1, photographs.each.csv.
"""

import argparse
import csv
import json
from pathlib import Path

from course_utils.colorize import WEIGHTS, load_model
from course_utils.data import LabDataset, load_dataset
from course_utils.metrics import baselines, each_picture, evaluate
from course_utils.tables import metrics_table
from tools.train_photographs import half_of

NETWORKS = ("photographs", "photographs-vivid", "landscapes")


def part(dataset: LabDataset, half: int) -> LabDataset:
    mine = [n for n, name in enumerate(dataset.names) if half_of(name) == half]
    return LabDataset(dataset.lab[mine], [dataset.names[n] for n in mine], dataset.report)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", nargs="+", default=NETWORKS, help="files or names")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--size", type=int, default=64)
    options = parser.parse_args()
    photographs, landscapes = (
        load_dataset(options.folder / name / "val", options.size, "all", fit="crop")
        for name in ("photographs", "landscapes")
    )
    sets = {f"photographs, half {half}": part(photographs, half) for half in (0, 1)}
    sets["landscapes"] = landscapes
    networks = {Path(name).stem: load_model(name, "cpu") for name in options.weights}
    table = {}
    for name, dataset in sets.items():
        models = {"gray": baselines(dataset)["gray"], **networks}
        table[name] = {which: evaluate(model, dataset) for which, model in models.items()}
        print(f"{name}\n{metrics_table(table[name])}\n")
    (options.out / "photographs.metrics.json").write_text(json.dumps(table, indent=1) + "\n")
    half = sets["photographs, half 1"]
    columns = each_picture(networks[Path(options.weights[0]).stem], half)
    with open(options.out / "photographs.each.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["picture", *columns])
        for name, *values in zip(half.names, *columns.values(), strict=True):
            rows.writerow([name, *(f"{value:.2f}" for value in values)])


if __name__ == "__main__":
    main()

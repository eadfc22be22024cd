"""Lesson 6's table: the L2 loss, classification, and classification with rebalancing, with the same
network, data and steps: `python benchmarks/heads.py FOLDER --out runs/heads`.

FOLDER holds photographs in train/ and val/. Three networks of width 0.25 are trained at 64 px for
20 epochs (15 minutes on one core; a stopped run goes on where it was) and measured on val,
each after the epoch with its lowest loss there. Writes a history each, and `heads.json`: all
measures, and the prior of the bins. `--seed 1` is the same with other first weights and another
order of the photographs, into files with a 1 in their names.
"""

import argparse
import json
from pathlib import Path

from course_utils.data import load_dataset
from course_utils.losses import training_prior
from course_utils.metrics import baselines, evaluate
from course_utils.network import PAPER_TEMPERATURE
from course_utils.plumbing.weights import read_network
from course_utils.recipe import TrainConfig
from course_utils.tables import metrics_table
from course_utils.training import fit

HEADS = {
    "L2": {"head": "regression"},
    "classification": {"head": "classification"},
    "rebalanced": {"head": "classification", "rebalanced": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    mark = f"-{options.seed}" if options.seed else ""
    train = load_dataset(options.folder, 64, "train", progress=True)
    val = load_dataset(options.folder, 64, "val", progress=True)
    rows = {name: evaluate(model, val) for name, model in baselines(train).items()}
    for name, choice in HEADS.items():
        config = TrainConfig(
            data=options.folder, epochs=options.epochs, seed=options.seed, **choice
        )
        folder = options.out / f"{name}{mark}"
        history = fit(config, None, val, folder, resume=True)
        if len(history.rows) < options.epochs:
            raise SystemExit(f"{name} was stopped; call this again, and it goes on")
        history.save(options.out / f"heads-{name.lower()}{mark}.jsonl")
        model = read_network(folder / "best.safetensors").eval()
        if name == "L2":
            rows[name] = evaluate(model, val)
            continue
        for temperature in (1.0, PAPER_TEMPERATURE):
            model.set_temperature(temperature)
            rows[f"{name}, T = {temperature:g}"] = evaluate(model, val)
    prior = [float(f"{p:.6g}") for p in training_prior(train)]
    result = {"epochs": options.epochs, "rows": rows, "prior": prior}
    (options.out / f"heads{mark}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(metrics_table(rows))


if __name__ == "__main__":
    main()

"""Lesson 4's comparison of recipes: `python benchmarks/recipe.py FOLDER --out runs/recipe`.

FOLDER holds photographs in train/ and val/. Same data, machine and minutes for all, as many as our
40 epochs take (about 7 on 2 cores with bfloat16, so half an hour for all four). How long an epoch
takes is measured first, in turns, and the fastest turn counts, so that other work on the machine
does not:

- ours: what `course train` does, at width 0.25 and 64 px;
- the mini-project's recipe on the same network: Adam at 3e-5, no shuffling, no crops, PyTorch's own
  initialization, float32; with the photographs mixed once, and, for a shorter time, in the
  order of their folders;
- ours with a plain U-Net of as many parameters;
- and that again for all 40 epochs (half an hour more), in `recipe.json` under "longer".

Writes `recipe.json` (errors by minute), `recipe.png`, and `epochs.npz`, what our network answers
after each epoch on scikit-image's photographs.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.data import LabDataset, batches, load_dataset
from course_utils.figures import recipe_curves
from course_utils.metrics import mean_mse, mse_ab
from course_utils.network import AB_SCALE, UPSAMPLING, ColorizationNet
from course_utils.recipe import History, TrainConfig
from course_utils.training import fit


class UNet(ColorizationNet):
    """Down to an eighth, and up again beside what was seen on the way down (Ronneberger et al.,
    2015). To `fit` it is a `ColorizationNet`, with other layers."""

    head = "regression"

    def __init__(self, channels: int, width: float) -> None:
        nn.Module.__init__(self)  # none of the other's layers
        self.width, self.size = width, 64
        wide = [channels * 2**level for level in range(4)]
        self.down = nn.ModuleList(map(twice, [1, *wide[:-1]], wide))
        self.up = nn.ModuleList(
            twice(below + beside, beside)
            for below, beside in zip(wide[:0:-1], wide[-2::-1], strict=True)
        )
        self.out = nn.Conv2d(channels, 2, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.out.weight, std=0.01)

    def logits(self, lightness: Tensor) -> Tensor:
        x, seen = (lightness - 50) / 100, []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            seen.append(x)
        for block, beside in zip(self.up, seen[-2::-1], strict=True):
            x = block(torch.cat((F.interpolate(x, scale_factor=2.0), beside), dim=1))
        return self.out(x)

    def to_ab(self, logits: Tensor) -> Tensor:
        return logits * AB_SCALE

    def forward(self, lightness: Tensor) -> Tensor:
        return self.to_ab(self.logits(lightness))


def twice(inputs: int, outputs: int) -> nn.Sequential:
    layers = []
    for each in (inputs, outputs):
        layers += [nn.Conv2d(each, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def parameters(model: nn.Module) -> int:
    return sum(each.numel() for each in model.parameters())


def unet(width: float) -> UNet:
    """With about as many parameters as our network of this width."""
    torch.manual_seed(0)
    wanted = parameters(ColorizationNet(width))
    return min(
        (UNet(channels, width) for channels in range(8, 64)),
        key=lambda each: abs(parameters(each) - wanted),
    )


def train_ours(
    config: TrainConfig,
    train: LabDataset,
    val: LabDataset,
    model: nn.Module | None = None,
    on_epoch: Callable[[History], None] | None = None,
) -> History:
    return fit(config, train, val, model=model, on_epoch=on_epoch, device="cpu")


def train_theirs(
    config: TrainConfig, train: LabDataset, val: LabDataset, mixed: bool = False
) -> History:
    """The mini-project's recipe, in one fixed order."""
    torch.manual_seed(0)
    net = ColorizationNet(config.width)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.reset_parameters()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-5, weight_decay=1e-3)
    order = torch.randperm(len(train)) if mixed else torch.arange(len(train))
    data = LabDataset(train.lab[order], [train.names[i] for i in order], train.report)
    history = History(config, {})
    for epoch in range(1, config.epochs + 1):
        net.train()
        began, total = time.perf_counter(), 0.0
        for lightness, ab in batches(data, 32):
            loss = F.mse_loss(net(lightness) / AB_SCALE, ab / AB_SCALE)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(ab) / len(data) * AB_SCALE**2
        row = {"epoch": epoch, "train_loss": total, "seconds": time.perf_counter() - began}
        history.rows.append(row | {"val_mse": mean_mse(net.eval(), val)})
        print(history.rows[-1], flush=True)
    return history


class Answers:
    """What the network answers after each epoch on scikit-image's photographs, in a file."""

    def __init__(self, size: int, file: Path) -> None:
        self.lightness = load_dataset("samples", size, "all").lab[:, :1].float()
        self.file, self.ab = file, []

    @torch.inference_mode()
    def on_epoch(self, history: History) -> None:
        model = history.model.eval()
        ab = model.to_quarter_ab(model.logits(self.lightness)).round().clamp(-128, 127)
        self.ab.append(ab.to(torch.int8).numpy())
        np.savez_compressed(self.file, ab=np.stack(self.ab))  # (epochs, photos, 2, H/4, W/4)


def seconds_an_epoch(
    recipes: dict[str, Callable[..., History]], sizes: list[int], pictures: int
) -> dict[str, dict[int, float]]:
    """The fastest of several turns on 640 scenes, for so many pictures of each size."""
    scenes, val = load_dataset("scenes", 64, "train"), load_dataset("scenes", 64, "val")
    taken: dict[str, dict[int, float]] = {name: {} for name in recipes}
    for _ in range(4):
        for size in sizes:
            config = TrainConfig(size=size, epochs=1)
            few, other = (
                LabDataset(each.lab[:640, :, :size, :size], each.names[:640], each.report)
                for each in (scenes, val)
            )
            for name, recipe in recipes.items():
                seconds = recipe(config, few, other).rows[0]["seconds"] * pictures / len(few)
                taken[name][size] = min(seconds, taken[name].get(size, seconds))
    return taken


def minutes_of(config: TrainConfig, seconds: dict[int, float]) -> np.ndarray:
    """At which minute each epoch ends."""
    return np.cumsum([seconds[size] for size in map(config.size_at, range(config.epochs))]) / 60


def errors_of(history: History) -> dict[str, list[float]]:
    names = "train_loss", "val_mse"
    return {name: [round(row[name], 2) for row in history.rows] for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=40)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    config = TrainConfig(data=options.folder, epochs=options.epochs)
    large, train, val = (
        load_dataset(options.folder, size, split, progress=True)
        for size, split in ((config.train_size, "train"), (64, "train"), (64, "val"))
    )
    sizes = [parameters(net) for net in (ColorizationNet(config.width), unet(config.width))]
    print("parameters: {:,}, U-Net {:,}".format(*sizes))

    def train_unet(config: TrainConfig, train: LabDataset, val: LabDataset) -> History:
        return train_ours(config, train, val, unet(config.width))

    seconds = seconds_an_epoch(
        {"ours": train_ours, "mini-project": train_theirs, "ours, U-Net": train_unet},
        sorted({config.size, *map(config.size_at, range(config.epochs))}),
        len(train),
    )
    print("seconds an epoch, by size:", seconds, flush=True)
    for order in ("mixed", "by folder"):
        seconds[f"mini-project, {order}"] = seconds["mini-project"]

    answers = Answers(config.size, options.out / "epochs.npz")
    runs: dict[str, Callable[[TrainConfig], History]] = {
        "ours": lambda config: train_ours(config, large, val, on_epoch=answers.on_epoch),
        "mini-project, mixed": lambda config: train_theirs(config, train, val, mixed=True),
        "mini-project, by folder": lambda config: train_theirs(config, train, val),
        "ours, U-Net": lambda config: train_unet(config, large, val),
    }
    truth = val.lab[:, 1:].float()
    coarse = F.interpolate(
        F.avg_pool2d(truth, UPSAMPLING), scale_factor=UPSAMPLING, mode="bilinear"
    )
    lost = round(mse_ab(coarse, truth), 2)  # even by a perfect network that decides at a quarter
    result: dict = {"curves": {}, "parameters": sizes, "lost_at_a_quarter": lost}
    for name, run in runs.items():
        print(name, flush=True)
        # Two fifths of the minutes are enough to see where the order of the folders leads.
        share = 0.4 if name == "mini-project, by folder" else 1.0
        growth = 0.0 if name.startswith("mini-project") else config.growth
        tried = (replace(config, epochs=n, growth=growth) for n in range(options.epochs, 0, -1))
        limit = share * minutes_of(config, seconds["ours"])[-1]
        chosen = next(
            each
            for each in tried
            if minutes_of(each, seconds[name])[-1] <= limit or each.epochs == 1
        )
        history = run(chosen)
        result["baselines"] = result.get("baselines", history.baselines)
        result["curves"][name] = {
            "minutes": minutes_of(chosen, seconds[name]).round(3).tolist(),
            **errors_of(history),
        }
        (options.out / "recipe.json").write_text(json.dumps(result) + "\n")
        errors = result["curves"][name]["val_mse"]
        print(f"{name}, {chosen.epochs} epochs: best {min(errors)}, last {errors[-1]}", flush=True)
    history = train_unet(config, large, val)
    name = f"ours, U-Net, all {options.epochs} epochs"
    result["longer"] = {name: errors_of(history)}
    (options.out / "recipe.json").write_text(json.dumps(result) + "\n")
    figure = recipe_curves(result)
    figure.savefig(options.out / "recipe.png", dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()

"""Lesson 4's comparison of recipes: `python benchmarks/recipe.py FOLDER --out runs/recipe`.

FOLDER holds photographs in train/ and val/. Same data, machine and minutes for all, as many as our
40 epochs take (about 12 on 2 cores with bfloat16, so an hour in all); validation is not counted:

- ours: what `course train` does, at width 0.25 and 64 px;
- the mini-project's recipe on the same network: Adam at 3e-5, no shuffling, no crops, PyTorch's own
  initialization, float32; with the photographs in the order of their folders, and mixed once;
- ours with a plain U-Net of as many parameters.

Writes `recipe.json` (validation and training error by minute), `recipe.png`, and `epochs.npz`: what
our network answers after each epoch on scikit-image's photographs.
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

from course_utils.data import LabDataset, batches, open_source
from course_utils.figures import recipe_curves
from course_utils.metrics import mean_mse
from course_utils.network import AB_SCALE, ColorizationNet
from course_utils.runs import History, TrainConfig
from course_utils.training import fit

Curve = dict[str, list[float]]  # minutes, val_mse, train_loss: a number an epoch


class UNet(nn.Module):
    """Down to an eighth, and up again beside what was seen on the way down (Ronneberger et al.,
    2015). It speaks as `ColorizationNet` does, so that `fit` can train it."""

    head = "regression"

    def __init__(self, channels: int, width: float) -> None:
        super().__init__()
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

    def ab_of(self, logits: Tensor) -> Tensor:
        return logits * AB_SCALE

    def forward(self, lightness: Tensor) -> Tensor:
        return self.ab_of(self.logits(lightness))


def twice(inputs: int, outputs: int) -> nn.Sequential:
    layers = []
    for each in (inputs, outputs):
        layers += [nn.Conv2d(each, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def parameters(model: nn.Module) -> int:
    return sum(each.numel() for each in model.parameters())


def unet_as_large_as(other: nn.Module, width: float) -> UNet:
    torch.manual_seed(0)
    sizes = (UNet(channels, width) for channels in range(8, 64))
    return min(sizes, key=lambda each: abs(parameters(each) - parameters(other)))


def curve_of(history: History) -> Curve:
    minutes = np.cumsum([row["seconds"] for row in history.rows]) / 60
    return {
        "minutes": minutes.round(3).tolist(),
        **{name: [row[name] for row in history.rows] for name in ("val_mse", "train_loss")},
    }


def ours(
    config: TrainConfig, train: LabDataset, val: LabDataset, file: Path
) -> tuple[Curve, dict[str, float]]:
    """Our recipe, and the baselines; `file` gets the answers after each epoch."""
    lightness = open_source("samples", config.size, "all").lab[:, :1].float()
    answers: list[np.ndarray] = []

    @torch.inference_mode()
    def on_epoch(history: History) -> None:
        model = history.model.eval()
        ab = model.small_ab(model.logits(lightness)).round().clamp(-128, 127)
        answers.append(ab.to(torch.int8).numpy())
        np.savez_compressed(file, ab=np.stack(answers))  # (epochs, photos, 2, H/4, W/4)

    history = fit(config, train, val, on_epoch=on_epoch, device="cpu")
    return curve_of(history), history.baselines


def unet(config: TrainConfig, train: LabDataset, val: LabDataset, minutes: float) -> Curve:
    """Our recipe on a U-Net, as many epochs as fit into the minutes."""
    size_of = ColorizationNet(config.width)
    tried = unet_as_large_as(size_of, config.width)
    print(f"U-Net of {parameters(tried):,} parameters, ours has {parameters(size_of):,}")
    first = fit(replace(config, epochs=1), train, val, model=tried, device="cpu")
    epochs = max(1, round(60 * minutes / first.rows[0]["seconds"]))
    model = unet_as_large_as(size_of, config.width)
    history = fit(replace(config, epochs=epochs), train, val, model=model, device="cpu")
    return curve_of(history)


def theirs(train: LabDataset, val: LabDataset, width: float, minutes: float, mixed: bool) -> Curve:
    """The mini-project's recipe, in one fixed order."""
    torch.manual_seed(0)
    net = ColorizationNet(width)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.reset_parameters()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-5, weight_decay=1e-3)
    order = torch.randperm(len(train)) if mixed else torch.arange(len(train))
    data = LabDataset(train.lab[order], [train.names[i] for i in order], train.report)
    curve: Curve = {"minutes": [], "val_mse": [], "train_loss": []}
    spent = 0.0
    while spent < 60 * minutes:
        net.train()
        began, total = time.perf_counter(), 0.0
        for lightness, ab in batches(data, 32):
            loss = F.mse_loss(net(lightness) / AB_SCALE, ab / AB_SCALE)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(ab) / len(data) * AB_SCALE**2
        spent += time.perf_counter() - began
        measured = (round(spent / 60, 3), mean_mse(net.eval(), val), total)
        for values, value in zip(curve.values(), measured, strict=True):
            values.append(value)
        print(f"epoch {len(curve['minutes'])}: {measured}", flush=True)
    return curve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=40)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    config = TrainConfig(data=options.folder, epochs=options.epochs)
    large, train, val = (
        open_source(options.folder, size, split, progress=True)
        for size, split in ((config.train_size, "train"), (64, "train"), (64, "val"))
    )
    file = options.out / "recipe.json"
    result = json.loads(file.read_text()) if file.exists() else {"curves": {}}
    curves = result["curves"]

    def add(name: str, recipe: Callable[[], Curve]) -> None:
        """Unless an earlier call, which was stopped, has it already."""
        if name not in curves:
            print(name, flush=True)
            curves[name] = recipe()
            file.write_text(json.dumps(result, indent=1) + "\n")
            best = min(curves[name]["val_mse"])
            print(f"{name}: best {best:.1f}, last {curves[name]['val_mse'][-1]:.1f}", flush=True)

    def with_baselines() -> Curve:
        curve, result["baselines"] = ours(config, large, val, options.out / "epochs.npz")
        return curve

    add("ours", with_baselines)
    minutes = curves["ours"]["minutes"][-1]
    add("mini-project, mixed", lambda: theirs(train, val, config.width, minutes, mixed=True))
    add("mini-project", lambda: theirs(train, val, config.width, minutes, mixed=False))
    add("ours, U-Net", lambda: unet(config, large, val, minutes))
    figure = recipe_curves(result)
    figure.savefig(options.out / "recipe.png", dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()

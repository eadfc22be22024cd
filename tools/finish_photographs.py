"""Train a network for photographs further, on a CPU, so that it does not learn them by heart.

    python tools/finish_photographs.py FOLDER OUT --start photographs --minutes 95

It wants its cores to itself: beside other work pin it to one (OMP_NUM_THREADS=1 taskset -c 0).

FOLDER has photographs/, landscapes/ and built/, each with train/ and val/. What is new in every
step: parts of the features are dropped, crops are down to 45 % of a photograph and not quite its
aspect, half of them have another contrast. The result is a mean of the weights over the last steps,
its BatchNorm statistics computed anew. The learning rate follows the clock, so that the result
depends on the machine.
"""

import argparse
import json
import time
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from train_photographs import half_of, rate_at, recompute_batch_norm

from course_utils.colorize import load_model
from course_utils.data import load_dataset
from course_utils.losses import colorization_loss
from course_utils.network import ColorizationNet
from course_utils.plumbing.weights import save_weights

SIDE, BATCH, SMALL = 96, 64, 64  # pixels of a photograph; of a step; pixels of the validation
PEAK, WARM_UP, DROPPED = 6e-4, 0.05, 0.15
BLOCKS = slice(3, 7)  # conv4 to conv7: features dropped here say what is seen, not where


def size_at(share: float, step: int) -> int:
    """Small pictures first; in the last fifth every second step sees all pixels."""
    return 48 if share < 0.3 else 64 if share < 0.8 or step % 2 else 96


def crops(lab: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Mirror, crop and stretch, and change the contrast of half: Lab (B, 3, 96, 96) -> (B, 3, size,
    size)."""
    uniform = torch.rand(8, len(lab), generator=generator)
    zoom, aspect = 0.45 + 0.55 * uniform[0], torch.exp(0.3 * (uniform[1] - 0.5))
    wide, high = (zoom * aspect).clamp(max=1), (zoom / aspect).clamp(max=1)
    mirror = torch.where(uniform[2] < 0.5, -1.0, 1.0)
    x, y = (1 - wide) * (2 * uniform[3] - 1), (1 - high) * (2 * uniform[4] - 1)
    rows = (torch.stack((wide * mirror, 0 * x, x), 1), torch.stack((0 * y, high, y), 1))
    grid = F.affine_grid(torch.stack(rows, 1), [len(lab), 3, size, size], align_corners=False)
    lab = F.grid_sample(lab, grid, padding_mode="border", align_corners=False)
    changed = (uniform[5] < 0.5)[:, None, None]
    contrast = torch.where(changed, (0.8 + 0.4 * uniform[6])[:, None, None], 1.0)
    shift = torch.where(changed, (16 * uniform[7] - 8)[:, None, None], 0.0)
    lab[:, 0] = (50 + contrast * (lab[:, 0] - 50) + shift).clamp(0, 100)
    return lab.contiguous(memory_format=torch.channels_last)


def drop_features(model: ColorizationNet) -> None:
    """Drop whole feature maps while the network trains (Tompson et al., CVPR 2015)."""
    for block in model.blocks()[BLOCKS]:
        block.register_forward_hook(
            lambda block, _, out: F.dropout2d(out, DROPPED, training=block.training)
        )


@torch.inference_mode()
def share_of_gray(model: ColorizationNet, lab: Tensor) -> float:
    """MSE(ab) on Lab (N, 3, H, W), over that of gray."""
    with torch.autocast("cpu", torch.bfloat16):
        ab = torch.cat([model(part[:, :1]).float() for part in lab.split(128)])
    return ((ab - lab[:, 1:]).square().mean() / lab[:, 1:].square().mean()).item()


def validation(folder: Path) -> dict[str, Tensor]:
    """Both halves of the validation photographs, see `half_of`: Lab (N, 3, 64, 64) each."""
    halves = {}
    for kind in ("photographs", "landscapes"):
        val = load_dataset(folder / kind, SMALL, "val", progress=True, fit="crop")
        lab, half = val.lab[:].float(), torch.tensor([half_of(name) for name in val.names])
        halves |= {f"{kind} {number}": lab[half == number] for number in (0, 1)}
    return halves


def finished(model: ColorizationNet, mean: dict[str, Tensor], lab: Tensor) -> ColorizationNet:
    """The network of mean weights, with the statistics of its own on crops of `lab`."""
    result = deepcopy(model)
    result.load_state_dict(mean, strict=False)
    for block in result.blocks():
        block._forward_hooks.clear()  # nothing is dropped any more
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(lab), generator=generator)
    pictures = ((crops(lab[n].float(), SMALL, generator)[:, :1], None) for n in order.split(128))
    with torch.autocast("cpu", torch.bfloat16):
        recompute_batch_norm(result, pictures)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path, help="a new .safetensors; its log is beside it")
    parser.add_argument("--start", default="photographs")
    parser.add_argument("--minutes", type=float, default=95)
    asked = parser.parse_args()
    kinds = ("photographs", "landscapes", "landscapes", "built")  # the few are seen twice
    opened = [load_dataset(asked.folder / kind, SIDE, "train", True, "crop") for kind in kinds]
    lab = torch.cat([dataset.lab[:] for dataset in opened])
    val = validation(asked.folder)
    model = load_model(asked.start, "cpu")
    drop_features(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK, weight_decay=0.05, fused=True)
    mean = {n: t.clone() for n, t in model.state_dict().items() if t.is_floating_point()}
    generator = torch.Generator().manual_seed(5)
    step, losses, told, began = 0, 0.0, 0.0, time.perf_counter()

    def tell(minutes: float) -> ColorizationNet:
        result = finished(model, mean, lab)
        row = {"minutes": round(minutes, 1), "pictures": step * BATCH, "loss": losses / step}
        row |= {name: round(share_of_gray(result, half), 4) for name, half in val.items()}
        print(json.dumps(row), flush=True)
        with open(asked.out.with_suffix(".jsonl"), "a") as file:
            print(json.dumps(row), file=file)
        return result

    while (share := (time.perf_counter() - began) / 60 / asked.minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate_at(share, PEAK, WARM_UP)
        if step % (len(lab) // BATCH) == 0:
            order = torch.randperm(len(lab), generator=generator).split(BATCH)
        chosen = order[step % (len(lab) // BATCH)]
        pictures = crops(lab[chosen].float(), size_at(share, step), generator)
        model.train()
        with torch.autocast("cpu", torch.bfloat16):
            loss = colorization_loss(model, model.logits(pictures[:, :1]), pictures[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses, step = losses + loss.item(), step + 1
        if step % 10 == 0:
            state = model.state_dict()
            for name, tensor in mean.items():
                tensor.lerp_(state[name], max(0.01, 100 / (step + 100)))
        if share * asked.minutes - told > 15:
            told = share * asked.minutes
            tell(told)
    save_weights(tell(asked.minutes), asked.out, small=True, size=SIDE, data=asked.folder.name)


if __name__ == "__main__":
    main()

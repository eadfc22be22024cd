"""Train the networks that the course ships for every kind of photograph, on one GPU, in minutes.

    python tools/train_photographs.py pack FOLDER... build/pack
    python tools/train_photographs.py train build/pack OUT --l2 280 --vivid 140 --hints 110
    python tools/train_photographs.py compare build/pack OUT --steps 3000
    python tools/train_photographs.py average FOLDER WEIGHTS... OUT.safetensors

Each FOLDER has train/ and val/. `pack` writes them as mosaics of 1,024, small enough to
carry to a rented machine; `train` needs that pack, this repository, and PyTorch. Times are in
seconds: each network gets a share of the minutes that are there, and its learning rate follows the
clock. The three networks follow each other: the L2 network learns from nothing; `vivid`
(classification, rebalanced) and `hints` (L2, with a person's touches as more input) go on from it.

`average` takes the mean of the weights of several networks that went on from the same one, such as
those of some epochs, computes the statistics of its BatchNorms anew, and stores kernels in 8 bits.
"""

import argparse
import hashlib
import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.bins import class_weights, empirical_prior
from course_utils.color import rgb_to_lab
from course_utils.data import GRAY_CHROMA, batches, flip_and_crop, load_dataset
from course_utils.losses import colorization_loss
from course_utils.network import ColorizationNet
from course_utils.photos import is_named_picture, mean_chroma, read_photo
from course_utils.plumbing.weights import (
    read_network,
    read_safetensors,
    save_weights,
    write_safetensors,
)

SIDE, ACROSS = 96, 32  # pixels of a photograph; photographs along a side of a mosaic
TWICE = "landscapes"  # seen twice as often, for they are few
SIZES = ((0.3, (48,)), (0.6, (64,)), (1.0, (64, 96, 96)))  # until which share of the time, which
BATCH, SMALL = 256, 64  # pictures of a step; the size of the validation


def pack(folders: list[Path], out: Path, quality: int) -> None:
    """Write all photographs of some folders as mosaics, and their names in order."""
    out.mkdir(parents=True, exist_ok=True)
    files, names = [], []
    for folder in folders:
        for file in sorted((folder / "train").rglob("*")) + sorted((folder / "val").rglob("*")):
            if is_named_picture(file):
                files.append(file)
                names.append(f"{folder.resolve().name}/{file.relative_to(folder).as_posix()}")
    (out / "names.json").write_text(json.dumps(names))
    step = ACROSS**2
    starts = range(0, len(files), step)
    with ProcessPoolExecutor() as pool:
        parts = [files[start : start + step] for start in starts]
        paths = [out / f"{number:03}.avif" for number in range(len(starts))]
        list(pool.map(partial(_encode, quality=quality), parts, paths))


def _encode(files: list[Path], path: Path, quality: int) -> None:
    mosaic = Image.new("RGB", (ACROSS * SIDE, ACROSS * SIDE))
    for n, file in enumerate(files):
        photo = read_photo(file)
        side = min(photo.size)
        box = ((photo.width - side) / 2, (photo.height - side) / 2)
        box = (*box, box[0] + side, box[1] + side)
        small = photo.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
        mosaic.paste(small, (n % ACROSS * SIDE, n // ACROSS * SIDE))
    mosaic.save(path, quality=quality, speed=6)


def _decode(file: Path) -> np.ndarray:
    """A mosaic -> its photographs, (1024, 3, 96, 96) uint8."""
    pixels = np.asarray(Image.open(file)).reshape(ACROSS, SIDE, ACROSS, SIDE, 3)
    return pixels.transpose(0, 2, 4, 1, 3).reshape(-1, 3, SIDE, SIDE)


class Photographs:
    """All photographs on one device, as Lab in float16, (N, 3, 96, 96)."""

    def __init__(self, folder: Path, device: str) -> None:
        self.names = json.loads((folder / "names.json").read_text())
        with ProcessPoolExecutor() as pool:
            parts = list(pool.map(_decode, sorted(folder.glob("*.avif"))))
        self.lab = torch.cat(
            [rgb_to_lab(torch.from_numpy(p).to(device).float() / 255).half() for p in parts]
        )[: len(self.names)]
        chroma = mean_chroma(self.lab).cpu()
        self.train = [
            n for n, name in enumerate(self.names)
            if name.split("/")[1] == "train" and chroma[n] > GRAY_CHROMA
        ]  # fmt: skip
        self.smaller = torch.cat(
            [F.interpolate(part.float(), (72, 72), mode="bilinear", antialias=True).half()
             for part in self.lab.split(1024)]
        )  # fmt: skip
        self.device = device

    def validation(self, kind: str, half: int) -> Tensor:
        """Lab (N, 3, 64, 64) of a half of the validation photographs, see `half_of`."""
        mine = [
            n for n, name in enumerate(self.names)
            if name.startswith(f"{kind}/val/") and half_of(name) == half
        ]  # fmt: skip
        lab = self.lab[mine].float()
        return F.interpolate(lab, (SMALL, SMALL), mode="bilinear", antialias=True)

    def batches(self, kinds: tuple[str, ...], generator: torch.Generator):
        """Numbers of photographs, (256,), shuffled, for ever."""
        chosen = [n for n in self.train if self.names[n].split("/")[0] in kinds]
        if len(kinds) > 1:
            chosen += [n for n in chosen if self.names[n].startswith(TWICE)]
        chosen = torch.tensor(chosen, device=self.device)
        while True:
            order = torch.randperm(len(chosen), generator=generator, device=self.device)
            yield from chosen[order].split(BATCH)[:-1]

    def pictures(self, numbers: Tensor, size: int, generator: torch.Generator) -> Tensor:
        """Mirrored, cropped, and half of them with another contrast: Lab (B, 3, size, size)."""
        source = self.smaller if size <= 48 else self.lab
        uniform = torch.rand(7, len(numbers), generator=generator, device=self.device)
        lab = flip_and_crop(source[numbers].float(), size=size, uniform=uniform[:4])
        contrast, shift = 0.85 + 0.3 * uniform[4], 10 * uniform[5] - 5
        contrast = torch.where(uniform[6] < 0.5, 1.0, contrast)[:, None, None]
        shift = torch.where(uniform[6] < 0.5, 0.0, shift)[:, None, None]
        lab[:, 0] = (50 + contrast * (lab[:, 0] - 50) + shift).clamp(0, 100)
        return lab.contiguous(memory_format=torch.channels_last)


def half_of(name: str) -> int:
    """0: this validation photograph may choose; 1: it is only reported."""
    return hashlib.sha256(name.rsplit("/", 1)[-1].encode()).digest()[0] % 2


def rate_at(share: float, peak: float, warm_up: float) -> float:
    """One cycle: up in a straight line, then down along half a cosine."""
    if share < warm_up:
        return peak * (0.02 + share / warm_up)
    return peak * (1 + cos(pi * min(1.0, (share - warm_up) / (1 - warm_up)))) / 2


def with_hints(model: ColorizationNet) -> ColorizationNet:
    """Give a network four inputs, L, a, b and where a and b are known, in place of L alone."""
    old = model.model1[0]
    new = nn.Conv2d(4, old.out_channels, 3, padding=1).to(old.weight)
    with torch.no_grad():
        new.weight[:, :1], new.bias[:] = old.weight, old.bias
        new.weight[:, 1:] *= 0.5
    model.model1[0], model.inputs = new, 4
    return model


def draw_hints(ab: Tensor, counts: Tensor, patch: int, generator: torch.Generator) -> Tensor:
    """Touches of patch x patch pixels with the mean color there: ab (B, 2, H, W), counts (B,)
    -> a, b and the mask, (B, 3, H, W)."""
    batch, _, height, width = ab.shape
    most = max(1, int(counts.max()))
    known = torch.cat((ab, torch.ones_like(ab[:, :1])), dim=1)
    known = F.avg_pool2d(known, patch, 1)  # (B, 3, H - patch + 1, ..)
    rows, columns = known.shape[-2:]
    place = torch.rand(batch, most, generator=generator, device=ab.device)
    place = (place * rows * columns).long()  # (B, most)
    color = known.flatten(2).gather(2, place[:, None].expand(-1, 3, -1))  # (B, 3, most)
    color = color * (torch.arange(most, device=ab.device) < counts[:, None])[:, None]
    hints = torch.zeros_like(ab).repeat(1, 2, 1, 1)[:, :3].flatten(2)
    row, column = place // columns, place % columns
    # Touches beyond a picture's count go to a spare pixel, which is dropped at the end.
    spare = torch.where(color[:, 2] > 0, 0, height * width)
    hints = F.pad(hints, (0, 1))
    for down in range(patch):
        for right in range(patch):
            target = (row + down) * width + column + right
            target = torch.where(spare > 0, spare, target)
            hints.scatter_(2, target[:, None].expand(-1, 3, -1), color)
    return hints[..., :-1].view(batch, 3, height, width)


def turned(ab: Tensor, uniform: Tensor) -> Tensor:
    """The hue of whole pictures turned by an angle of their own: ab (B, 2, H, W), uniform (B,)."""
    angle = 2 * pi * uniform[:, None, None]
    a, b = ab.unbind(1)
    return torch.stack((a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()), 1)


@torch.inference_mode()
def mse(model: ColorizationNet, lab: Tensor, hints: int | None = None) -> float:
    """MSE(ab) on Lab (N, 3, H, W); with so many touches of 2 x 2 pixels, if a number is given."""
    model.eval()
    generator = torch.Generator(lab.device).manual_seed(0)
    total = 0.0
    for part in lab.split(512):
        light, ab = part[:, :1], part[:, 1:]
        with torch.autocast(lab.device.type, torch.bfloat16):
            if hints is None:
                logits = model.logits(light)
            else:
                counts = torch.full((len(part),), hints, device=lab.device)
                logits = model.logits(light, draw_hints(ab, counts, 2, generator))
            total += (model.to_ab(logits).float() - ab).square().mean().item() * len(part)
    model.train()
    return total / len(lab)


def run(
    kind: str,
    model: ColorizationNet,
    photos: Photographs,
    log,
    *,
    seconds: float | None = None,
    steps: int | None = None,
    peak: float = 2e-3,
    warm_up: float = 0.1,
    kinds: tuple[str, ...] = ("photographs", "landscapes", "built"),
    sizes: tuple = SIZES,
    seed: int = 0,
    every: float = 20.0,
) -> dict[str, Tensor]:
    """Train a network for some seconds, or for some steps; returns the mean of its weights over
    the last steps, an exponential one."""
    device = photos.device
    model.to(device, memory_format=torch.channels_last).train()
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=peak, weight_decay=0.02, fused=True)
    generator = torch.Generator(device).manual_seed(seed)
    weights = None
    if kind == "vivid":
        small = (F.avg_pool2d(photos.lab[part, 1:].float(), 4) for part in
                 torch.tensor(photos.train).split(512))  # fmt: skip
        weights = class_weights(empirical_prior(small)).to(device)
    val = {name: photos.validation(name, 0) for name in ("photographs", "landscapes", "built")}
    gray = {name: lab[:, 1:].square().mean().item() for name, lab in val.items()}
    mean = {n: t.clone() for n, t in model.state_dict().items() if t.is_floating_point()}
    loss_sum, count, images, began, told = 0.0, 0, 0, time.perf_counter(), 0.0
    for step, numbers in enumerate(photos.batches(kinds, generator)):
        spent = time.perf_counter() - began
        share = step / steps if steps else spent / seconds
        ended = share >= 1
        if ended or spent - told > every:
            told = spent
            row = {
                "kind": kind, "seconds": round(spent, 1), "images": images, "step": step,
                "train_loss": float(loss_sum) / max(1, count), "lr": rate_at(share, peak, warm_up),
                "gray": gray, "seed": seed,
            }  # fmt: skip
            touches = (0, 1, 2, 5, 10, 20, 50) if kind == "hints" else (None,)
            for n in touches:
                row["val" if n is None else f"val_{n}"] = {
                    name: round(mse(model, lab, n), 2) for name, lab in val.items()
                }
            log(row)
            loss_sum, count = 0.0, 0
        if ended:
            break
        choice = next(c for until, c in sizes if share < until)
        lab = photos.pictures(numbers, choice[step % len(choice)], generator)
        light, ab = lab[:, :1], lab[:, 1:]
        for group in optimizer.param_groups:
            group["lr"] = rate_at(share, peak, warm_up)
        with torch.autocast(device, torch.bfloat16):
            if kind == "hints":
                uniform = torch.rand(4, len(ab), generator=generator, device=device)
                ab = torch.where(
                    (uniform[0] < 0.4)[:, None, None, None], turned(ab, uniform[1]), ab
                )
                counts = torch.where(uniform[2] < 0.1, 0, (40 ** uniform[3]).long())
                hints = draw_hints(ab, counts, 1 + step % 4, generator)
                logits = model.logits(light, hints)
            else:
                logits = model.logits(light)
            loss = colorization_loss(model, logits, ab, weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        loss_sum, count, images = loss_sum + loss.detach(), count + 1, images + len(ab)
        if step % 10 == 0:
            state = model.state_dict()
            keep = min(0.99, step / (step + 100))
            torch._foreach_lerp_(list(mean.values()), [state[n] for n in mean], 1 - keep)
    return mean


def keep(model: ColorizationNet, path: Path, **about: object) -> None:
    """Kernels in float16, under 16 MiB at width 0.5; all else as it is, for the variances of
    BatchNorm do not fit into float16."""
    tensors = {n: t.half() if t.ndim == 4 else t for n, t in model.state_dict().items()}
    tensors = {n: t.contiguous().cpu() for n, t in tensors.items()}
    write_safetensors(tensors, path, {"width": model.width, "head": model.head, **about})


def average(folder: Path, files: list[Path], out: Path) -> None:
    """The mean of some weights, with the statistics of 4,096 photographs of folder/train."""
    states = []
    for file in files:
        state, about = read_safetensors(file)
        if "model.model1.0.weight" in state:  # a run's last state, with its optimizer
            states.append({n[6:]: t for n, t in state.items() if n.startswith("model.")})
        else:
            states.append(read_network(file).state_dict())
    mean = {n: sum(state[n].float() for state in states) / len(states) for n in states[0]}
    model = ColorizationNet(about["width"], about["head"], inputs=about.get("inputs", 1))
    model.load_state_dict(mean)
    train = load_dataset(folder, SIDE, "train", progress=True)
    recompute_batch_norm(
        model, batches(train, 128, torch.Generator().manual_seed(0), True, size=64)
    )
    save_weights(model, out, small=True, size=SIDE, data=folder.name)


@torch.no_grad()
def recompute_batch_norm(model: ColorizationNet, pictures, most: int = 4096) -> None:
    """Set means and variances to those of at most so many pictures, all with the same share; a
    training leaves those of its last steps, which can be some percent of MSE(ab) worse."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    seen = 0
    for light, _ in pictures:
        model.logits(light)
        seen += len(light)
        if seen >= most:
            break
    model.eval()


def report(model: ColorizationNet, photos: Photographs, what: str, log) -> None:
    """MSE(ab) on both halves of every kind."""
    hints = 10 if what.startswith("hints") else None
    row = {"report": what}
    for kind in ("photographs", "landscapes", "built"):
        for half in (0, 1):
            lab = photos.validation(kind, half)
            gray = lab[:, 1:].square().mean().item()
            row[f"{kind} {half}"] = [round(mse(model, lab, hints), 2), round(gray, 2), len(lab)]
    log(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("pack", "train", "compare", "average"))
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--quality", type=int, default=52)
    parser.add_argument("--width", type=float, default=0.5)
    for name in ("l2", "vivid", "hints"):
        parser.add_argument(f"--{name}", type=float, default=0, metavar="SECONDS")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--every", type=float, default=20)
    asked = parser.parse_args()
    *folders, out = asked.paths
    if asked.what == "average":
        return average(folders[0], folders[1:], out)
    if asked.what == "pack":
        return pack(folders, out, asked.quality)
    out.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.benchmark = True
    began = time.perf_counter()
    photos = Photographs(folders[0], device)

    def log(row: dict) -> None:
        print(json.dumps(row), flush=True)
        with open(out / "log.jsonl", "a") as file:
            print(json.dumps(row), file=file)

    log({"photographs": len(photos.train), "device": device, "torch": torch.__version__,
         "reading": round(time.perf_counter() - began, 1)})  # fmt: skip
    train = partial(run, photos=photos, log=log, every=asked.every)
    torch.manual_seed(0)
    if asked.what == "compare":
        everything = ("photographs", "landscapes", "built")
        for kinds in (("landscapes",), everything):
            for seed in (0, 1):
                torch.manual_seed(seed)
                model = ColorizationNet(0.25)
                train("l2", model, steps=asked.steps, seed=seed, kinds=kinds, every=1e9,
                      sizes=((1.0, (64,)),))  # fmt: skip
                report(model, photos, f"l2 width 0.25 {'+'.join(kinds)} seed {seed}", log)
        return None
    start = out / "l2.safetensors"
    for kind, seconds in (("l2", asked.l2), ("vivid", asked.vivid), ("hints", asked.hints)):
        if not seconds:
            continue
        model = ColorizationNet(asked.width, "classification" if kind == "vivid" else "regression")
        if kind != "l2":
            known = load_file(start)
            skip = ("model8.6.", "model_out.") if kind == "vivid" else ()
            known = {n: t.float() if t.is_floating_point() else t for n, t in known.items()}
            known = {n: t for n, t in known.items() if not n.startswith(skip or "?")}
            model.load_state_dict(known, strict=False)
        if kind == "hints":
            model = with_hints(model)
        peak, warm_up = (2e-3, 0.1) if kind == "l2" else (1e-3, 0.05)
        mean = train(kind, model, seconds=seconds, peak=peak, warm_up=warm_up)
        keep(model, out / f"{kind}.safetensors", size=SIDE)
        report(model, photos, kind, log)
        model.load_state_dict(mean, strict=False)
        report(model, photos, f"{kind}, weights averaged", log)
        if device == "cuda":
            log({"memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2)})
    return None


if __name__ == "__main__":
    main()

"""One training loop, the same on a laptop and on a GPU.

The recipe: shuffled batches with flips and crops, AdamW under a one-cycle learning rate,
gradients clipped, bfloat16 where the processor has it, validation after every epoch. On a CPU
a run is repeatable, and a resumed run is bit for bit the one that was not interrupted.
"""

import time
from collections.abc import Callable
from math import cos, isfinite, pi
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from course_utils.bins import class_weights, empirical_prior, nearest_bin, soft_encode
from course_utils.data import LabDataset, batches, open_source
from course_utils.metrics import baselines, device_of, mean_mse, mse_ab
from course_utils.network import AB_SCALE, UPSAMPLING, ColorizationNet, bf16_is_fast
from course_utils.progress import progress_bar
from course_utils.runs import History, TrainConfig, make_folder, resume_run, save_run


def fit(
    config: TrainConfig,
    train: LabDataset | None = None,
    val: LabDataset | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    progress: bool = True,
    on_data: Callable[[LabDataset, LabDataset], None] | None = None,
    on_epoch: Callable[[History], None] | None = None,
    model: ColorizationNet | None = None,
) -> History:
    """Train a network.

    Args:
        config: the recipe.
        train, val: the pictures; opened from `config.data` where not given. Those to train on
            may be larger than `config.size` where they are cropped.
        out: a folder for weights and history, see `runs`.
        resume: go on from `out` if a run of the same config stopped there.
        device: "cpu" or "cuda"; by default a GPU where there is one.
        progress: show a progress bar with the loss and the time left.
        on_data: called once with the training and validation pictures, before the training.
        on_epoch: called after each epoch, with the history so far.
        model: a network to train further, such as one from `colorize.load_model`; by default a
            new one.
    Returns:
        The history, with the trained network as `history.model`. Ctrl-C (or Jupyter's stop
        button) ends the training early: the network then has learned a part of an epoch more
        than the history and the files say.
    Raises:
        ValueError: a bad source, pictures of another size, a model that is not what the config
            says, a folder that cannot be written or already has a run, or a resume from another
            config.
        FloatingPointError: the loss is no longer a number.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if model is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            model = ColorizationNet(config.width, config.head)
    if (model.width, model.head) != (config.width, config.head):
        raise ValueError(
            f"model: expected width {config.width:g} and head {config.head}, as the config says; "
            f"got {model.width:g} and {model.head}"
        )
    model.size = config.size
    model.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    history = None
    if out is not None:
        out = make_folder(out)
        if (out / "last.safetensors").exists():
            if not resume:
                raise ValueError(
                    f"out: expected a folder without a run, {out} has one; go on with it by "
                    "--resume (resume=True), or choose another folder"
                )
            history = resume_run(config, model, optimizer, out)
    if train is None:
        train = open_source(config.data, config.train_size, "train", progress)
    if val is None:
        val = open_source(config.data, config.size, "val", progress)
    _check_pictures(config, train, val)
    if on_data is not None:
        on_data(train, val)
    if history is None:
        known = baselines(train).items()
        history = History(config, {n: mean_mse(b, val) for n, b in known}, val.l2_floor)
    history.model = model
    weights = class_weights(prior_of(train)).to(device) if config.rebalanced else None

    steps_per_epoch = -(-len(train) // config.batch_size)
    bar = progress_bar(
        total=config.epochs * steps_per_epoch,
        initial=len(history.rows) * steps_per_epoch,
        desc="training",
        unit="step",
        disable=not progress,
    )
    try:
        for epoch in range(len(history.rows), config.epochs):
            row = _train_epoch(config, model, optimizer, train, weights, epoch, bar)
            row |= validate(model, val, weights)
            if not isfinite(row["val_mse"]):
                raise FloatingPointError(_diverged(config, f"the validation error of {row}"))
            history.rows.append(row)
            bar.set_postfix(
                epoch=epoch + 1, loss=f"{row['train_loss']:.4g}", val_mse=f"{row['val_mse']:.1f}"
            )
            if out is not None:
                save_run(history, optimizer, out)
            if on_epoch is not None:
                on_epoch(history)
    except KeyboardInterrupt:
        bar.write(f"Stopped after {len(history.rows)} whole epochs; what was learned is kept.")
    finally:
        bar.close()
        model.eval()
    return history


def loss_of(
    model: ColorizationNet, logits: Tensor, ab: Tensor, weights: Tensor | None = None
) -> Tensor:
    """What is minimised, from `model.logits` (B, 313, H/4, W/4) and the true ab (B, 2, H, W).

    Regression: the mean squared error of ab / 110. Classification: the cross-entropy with the
    soft-encoded true color, at the quarter size at which the network decides; each pixel counts
    as much as `weights` (313,) say for the bin nearest to its true color.
    """
    if model.head == "regression":
        return F.mse_loss(model.ab_of(logits).float() / AB_SCALE, ab / AB_SCALE)
    small = F.avg_pool2d(ab, UPSAMPLING)  # (B, 2, H/4, W/4)
    loss = F.cross_entropy(logits.float(), soft_encode(small), reduction="none")
    return loss.mean() if weights is None else (weights[nearest_bin(small)] * loss).mean()


def prior_of(train: LabDataset) -> Tensor:
    """The prior of the bins (313,) among the colors that the loss sees: those at the quarter
    size, at which it decides."""
    return empirical_prior(F.avg_pool2d(ab, UPSAMPLING) for _, ab in batches(train, 256))


def learning_rate_at(step: int, steps: int, config: TrainConfig) -> float:
    """One cycle: up in a straight line, then down to zero along half a cosine."""
    climb = max(1, round(config.warm_up * steps))
    if step < climb:
        return config.learning_rate * (step + 1) / climb
    return config.learning_rate * (1 + cos(pi * (step - climb) / max(1, steps - climb))) / 2


@torch.inference_mode()
def validate(
    model: ColorizationNet, val: LabDataset, weights: Tensor | None = None
) -> dict[str, float]:
    """MSE(ab) on the validation pictures as `val_mse`, and for classification its loss as
    `val_loss`, both in the precision of the training."""
    model.eval()
    device = device_of(model)
    squared = loss = 0.0
    for lightness, ab in batches(val, 64, device=device):
        share = len(ab) / len(val)
        with _precision(device):
            logits = model.logits(lightness)
            squared += share * mse_ab(model.ab_of(logits).float(), ab)
            loss += share * loss_of(model, logits, ab, weights).item()
    measured = {"val_mse": squared, "val_loss": loss}
    return measured if model.head == "classification" else {"val_mse": squared}


def _train_epoch(
    config: TrainConfig,
    model: ColorizationNet,
    optimizer: torch.optim.Optimizer,
    train: LabDataset,
    weights: Tensor | None,
    epoch: int,
    bar: tqdm,
) -> dict[str, float]:
    model.train()
    device = device_of(model)
    began, total, norms = time.perf_counter(), 0.0, 0.0
    # The epoch's number is part of the seed, so a resumed run sees what it would have seen.
    generator = torch.Generator().manual_seed(1_000_003 * config.seed + epoch)
    steps_per_epoch = -(-len(train) // config.batch_size)
    for step, (lightness, ab) in enumerate(
        batches(train, config.batch_size, generator, config.augmented, device, config.size)
    ):
        rate = learning_rate_at(
            epoch * steps_per_epoch + step, config.epochs * steps_per_epoch, config
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        with _precision(device):
            loss = loss_of(model, model.logits(lightness), ab, weights)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
        if not torch.isfinite(loss) or not torch.isfinite(norm):
            raise FloatingPointError(
                _diverged(config, f"the loss of epoch {epoch + 1}, step {step + 1},")
            )
        optimizer.step()
        total += loss.item() * len(ab) / len(train)
        norms += norm.item() / steps_per_epoch
        bar.update()
    if config.head == "regression":
        total *= AB_SCALE**2  # back to CIE units
    return {
        "epoch": epoch + 1,
        "train_loss": total,
        "learning_rate": rate,
        "gradient_norm": norms,
        "seconds": round(time.perf_counter() - began, 2),
    }


def _precision(device: torch.device) -> torch.autocast:
    """Mixed bfloat16 where the hardware has it."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16_is_fast(device))


def _check_pictures(config: TrainConfig, train: LabDataset, val: LabDataset) -> None:
    for name, dataset in (("train", train), ("val", val)):
        if len(dataset) == 0:
            raise ValueError(f"{name}: expected at least one picture, got none")
        cropped = name == "train" and config.augmented
        if dataset.size < config.size or (dataset.size > config.size and not cropped):
            raise ValueError(f"{name}: expected size {config.size}, got {dataset.size}")
    if config.size == 8 and len(train) % config.batch_size == 1:
        raise ValueError(
            "batch_size: at size 8 a last batch of one picture has nothing to normalise over; "
            f"choose another than {config.batch_size} for {len(train)} pictures"
        )


def _diverged(config: TrainConfig, what: str) -> str:
    return f"{what} is no number; try a learning rate below {config.learning_rate:g}"

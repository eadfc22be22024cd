"""One training loop, the same on a laptop and on a GPU. Lesson 4.

`train_epoch` has the lesson's four lines, `fit` is a whole run. The recipe: shuffled batches
with flips and crops, small pictures first and large ones last, AdamW under a one-cycle learning
rate, gradients clipped, bfloat16 where the hardware has it, validation after every epoch. On a CPU
runs are reproducible, and a resumed run is bit for bit the same as an uninterrupted one. Several
processes can share a run, see `plumbing.processes`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import isfinite, prod
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from course_utils.data import LabDataset, batches
from course_utils.losses import Objective, colorization_loss, rebalancing
from course_utils.metrics import baselines, mean_mse, mse_ab
from course_utils.network import ColorizationNet, bf16_is_fast, model_device
from course_utils.plumbing import processes
from course_utils.plumbing.arguments import described
from course_utils.plumbing.checkpoints import (
    Position,
    check_data,
    has_run,
    resume_run,
    run_alone,
    save_run,
)
from course_utils.plumbing.datasets import Source, to_dataset
from course_utils.plumbing.epoch import Epoch, diverged
from course_utils.plumbing.files import make_folder
from course_utils.plumbing.progress import progress_bar
from course_utils.recipe import History, TrainConfig

DATASET = "a dataset"  # `config.data` of pictures that are given, where it says nothing else


def train_epoch(objective: nn.Module, optimizer: torch.optim.Optimizer, epoch: Epoch) -> None:
    """Take one optimizer step on each batch of an epoch.

    Args:
        objective: L (B, 1, H, W) and the true ab (B, 2, H, W) -> the loss, see `losses.Objective`.
        optimizer: updates the parameters of `objective`.
        epoch: provides the batches, and records their losses.
    """
    objective.train()
    for L, ab in epoch.batches():
        loss = objective(L, ab)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch.stepped(loss)


def fit(
    config: TrainConfig,
    train: Source | None = None,
    val: Source | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    progress: bool = True,
    on_data: Callable[[LabDataset, LabDataset], None] | None = None,
    on_epoch: Callable[[History], None] | None = None,
    model: ColorizationNet | None = None,
    compiled: bool = False,
) -> History:
    """Train a network.

    Args:
        config: the recipe.
        train, val: the pictures, see `plumbing.datasets`; by default opened from `config.data`.
            A name or folder given as `train` replaces `config.data`; a dataset needs a `val`.
            Training pictures may be larger than `config.size` if `config.augmented` crops them.
        out: a folder for weights and history, see `plumbing.checkpoints`.
        resume: continue the run in `out`, of the same config and pictures, if there is one.
        device: "cpu" or "cuda"; by default a GPU where there is one.
        progress: show a progress bar with the loss and the time left.
        on_data: called once with the training and validation pictures, before the training.
        on_epoch: called after each epoch, with the history so far.
        model: a network to fine-tune, such as one from `colorize.load_model`; by default a new
            one. Fine-tuning needs a low learning rate and growth=0.
        compiled: speed up the network with torch.compile, which needs a C++ compiler and takes
            minutes for the first step.
    Returns:
        The history, with the trained network as `history.model`. Ctrl-C (or Jupyter's stop
        button) stops after the current step and saves the run, for `resume` to continue.
    Raises:
        TypeError: pictures or a model of the wrong type.
        ValueError: an invalid source, pictures of the wrong size, a model that does not match the
            config, a folder that cannot be written, already has a run or is in use by another
            one, or a resume with another config or other pictures.
        FloatingPointError: the loss is NaN or infinite.
    """
    if not isinstance(config, TrainConfig):
        raise TypeError(f"config: expected a TrainConfig, got {described(config)}")
    if isinstance(train, str | PathLike):
        config, train = replace(config, data=train), None
    if train is not None and val is None:
        raise ValueError("val: expected pictures to validate on, as those to train on are given")
    given = train is not None
    device = torch.device(device) if device else processes.device()
    first = processes.rank() == 0
    model = _network(config, model).to(device, memory_format=torch.channels_last)
    processes.synchronize_batch_norm(model)
    optimizer = ClippedAdamW(model.parameters(), config)
    out = None if out is None else make_folder(out)
    with run_alone(out if first else None):
        history, position = _last_state(config, model, optimizer, out, resume)
        train, val = (config.data if pictures is None else pictures for pictures in (train, val))
        train = to_dataset("train", train, config.train_size, "train", progress)
        val = to_dataset("val", val, config.size, "val", progress)
        _check_pictures(config, train, val)
        if given and train.l2_floor is None and config.data == TrainConfig.data:
            config = replace(config, data=DATASET)  # no scenes, and so small ones come first
        history = history or _new_history(config, train, val)
        check_data(history, _fingerprint(train, val), config.data)
        config, history.model = history.config, model  # a resumed run keeps its spelling of data
        if on_data is not None and first:
            on_data(train, val)
        weights = rebalancing(train).to(device) if config.rebalanced else None
        objective = processes.wrap(Objective(model, weights, bf16=bf16_is_fast(device)))
        if compiled:
            objective = torch.compile(objective)
        train, val = _resident(train, device), _resident(val, device)
        bar = _bar(config, position, train, device, disable=not (progress and first))

        def save() -> None:
            if out is not None and first:
                save_run(history, optimizer, position, out)

        try:
            with processes.stop_when_asked() as asked:
                while position.epoch < config.epochs:
                    epoch = Epoch(config, train, position, optimizer, bar, save, asked)
                    train_epoch(objective, optimizer, epoch)
                    row = epoch.row() | validate(model, val, weights)
                    history.rows.append(_check_row(config, row))
                    position = Position(epoch=position.epoch + 1)
                    bar.set_postfix(epoch=row["epoch"], val_mse=f"{row['val_mse']:.1f}")
                    save()
                    if on_epoch is not None and first:
                        on_epoch(history)
        except KeyboardInterrupt:
            bar.write(f"Stopped after {len(history.rows)} whole epochs; what was learned is kept.")
        finally:
            bar.close()
            model.eval()
        return history


@torch.inference_mode()
def validate(
    model: ColorizationNet, val: LabDataset, weights: Tensor | None = None
) -> dict[str, float]:
    """Measure a network on the validation pictures, in the precision of the training.

    Returns:
        `val_mse`, MSE(ab) in CIE units squared; for classification also `val_loss`, in nats.
    """
    model.eval()
    device = model_device(model)
    squared = loss = 0.0
    for lightness, ab in batches(val, 64, device=device, deal=processes.share):
        share = len(ab) / len(val)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16_is_fast(device)):
            logits = model.logits(lightness)
            squared += share * mse_ab(model.to_ab(logits).float(), ab)
            if model.head == "classification":
                loss += share * colorization_loss(model, logits, ab, weights).item()
    measured = {"val_mse": processes.total(squared)}
    if model.head == "classification":
        measured["val_loss"] = processes.total(loss)
    return measured


class ClippedAdamW(torch.optim.AdamW):
    """AdamW that clips the gradient norm to `config.gradient_clip`, and skips steps whose gradient
    is NaN or infinite."""

    def __init__(self, parameters: Iterator[nn.Parameter], config: TrainConfig) -> None:
        super().__init__(
            parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.most, self.gradient_norm = config.gradient_clip, 0.0

    def step(self, closure: None = None) -> None:
        """Take a step, and set `gradient_norm` to the norm before clipping."""
        parameters = [each for group in self.param_groups for each in group["params"]]
        self.gradient_norm = nn.utils.clip_grad_norm_(parameters, self.most).item()
        if isfinite(self.gradient_norm):
            super().step(closure)


def _network(config: TrainConfig, model: ColorizationNet | None) -> ColorizationNet:
    """A new network for the config, or the given one if it matches."""
    if model is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            model = ColorizationNet(config.width, config.head)
    if not isinstance(model, ColorizationNet):
        raise TypeError(
            f"model: expected a network, such as from load_model, got {described(model)}"
        )
    if (model.width, model.head) != (config.width, config.head):
        raise ValueError(
            f"model: expected width {config.width:g} and head {config.head}, as the config says; "
            f"got {model.width:g} and {model.head}"
        )
    model.size = config.size
    return model.float()  # it may have been loaded with fast=True


def _last_state(
    config: TrainConfig,
    model: ColorizationNet,
    optimizer: torch.optim.Optimizer,
    out: Path | None,
    resume: bool,
) -> tuple[History | None, Position]:
    """Resume the run in `out`, restoring model and optimizer; else the start of a new run."""
    if out is None or not has_run(out):
        return None, Position()
    if not resume:
        raise ValueError(
            f"out: expected a folder without a run, {out} has one; go on with it by "
            "--resume (resume=True), or choose another folder"
        )
    return resume_run(config, model, optimizer, out)


def _new_history(config: TrainConfig, train: LabDataset, val: LabDataset) -> History:
    errors = {name: mean_mse(baseline, val) for name, baseline in baselines(train).items()}
    return History(config, errors, val.l2_floor, fingerprint=_fingerprint(train, val))


def _fingerprint(train: LabDataset, val: LabDataset) -> str:
    return f"{train.fingerprint} {val.fingerprint}"


def _bar(
    config: TrainConfig, position: Position, train: LabDataset, device: torch.device, disable: bool
) -> tqdm:
    threads = torch.get_num_threads()
    where = f"{threads} thread{'s' * (threads > 1)}" if device.type == "cpu" else device.type
    steps = config.steps(len(train))
    done = position.epoch * steps + position.step
    total = config.epochs * steps
    return progress_bar(
        total=total, initial=done, desc=f"training on {where}", unit="step", disable=disable
    )


def _resident(dataset: LabDataset, device: torch.device) -> LabDataset:
    """Move the pictures to the GPU if they take at most half of its free memory."""
    if device.type != "cuda":
        return dataset
    free, _ = torch.cuda.mem_get_info(device)
    if 2 * len(dataset) * prod(dataset.lab.shape[1:]) > free / 2:  # two bytes per value
        return dataset
    return LabDataset(dataset.lab[:].to(device), dataset.names, dataset.report, dataset.l2_floor)


def _check_pictures(config: TrainConfig, train: LabDataset, val: LabDataset) -> None:
    for name, dataset in (("train", train), ("val", val)):
        if len(dataset) == 0:
            raise ValueError(f"{name}: expected at least one picture, got none")
        cropped = name == "train" and config.augmented
        if dataset.size < config.size or (dataset.size > config.size and not cropped):
            raise ValueError(f"{name}: expected size {config.size}, got {dataset.size}")
    if config.size == 8 and len(train) % config.batch_size == 1:
        raise ValueError(
            "batch_size: at size 8 a last batch of one picture has nothing to normalize over; "
            f"choose another than {config.batch_size} for {len(train)} pictures"
        )


def _check_row(config: TrainConfig, row: dict[str, float]) -> dict[str, float]:
    """Return a row of the history; FloatingPointError if its `val_mse` is NaN or infinite."""
    if not isfinite(row["val_mse"]):
        raise FloatingPointError(diverged(config, f"the validation error of {row}"))
    return row

"""One training loop, the same on a laptop and on a GPU.

The recipe: shuffled batches with flips and crops, small pictures first and large ones last, AdamW
under a one-cycle learning rate, gradients clipped, bfloat16 where the processor has it, validation
after every epoch. On a CPU a run is repeatable, and a resumed run is bit for bit the one that was
not interrupted. Several processes run the same loop, see `distributed`.
"""

import time
from collections.abc import Callable, Iterator
from math import cos, isfinite, pi, prod
from pathlib import Path

import torch
from torch import Tensor, nn

from course_utils.data import LabDataset, batches, open_source, order_of
from course_utils.losses import Objective, loss_of, rebalancing
from course_utils.metrics import baselines, mean_mse, mse_ab
from course_utils.network import AB_SCALE, ColorizationNet, bf16_is_fast, device_of
from course_utils.plumbing import processes
from course_utils.plumbing.checkpoints import Position, check_data, has_run, resume_run, save_run
from course_utils.plumbing.files import make_folder
from course_utils.plumbing.processes import stop_when_asked
from course_utils.plumbing.progress import progress_bar
from course_utils.recipe import History, TrainConfig

SAVE_SECONDS = 300  # a long epoch is saved on the way, at most this much apart


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
    compiled: bool = False,
) -> History:
    """Train a network.

    Args:
        config: the recipe.
        train, val: the pictures; opened from `config.data` where not given. Those to train on
            may be larger than `config.size` where they are cropped.
        out: a folder for weights and history, see `runs`.
        resume: go on from `out` if a run of the same config, on the same pictures, stopped there.
        device: "cpu" or "cuda"; by default a GPU where there is one.
        progress: show a progress bar with the loss and the time left.
        on_data: called once with the training and validation pictures, before the training.
        on_epoch: called after each epoch, with the history so far.
        model: a network to train further, such as one from `colorize.load_model`; by default a
            new one. A trained one wants a low learning rate, and growth=0.
        compiled: let torch.compile make the network faster; it needs a C++ compiler, and minutes
            for the first step.
    Returns:
        The history, with the trained network as `history.model`. Ctrl-C (or Jupyter's stop
        button) ends the training after the step at hand, and saves it: `resume` goes on there.
    Raises:
        ValueError: a bad source, pictures of another size, a model that is not what the config
            says, a folder that cannot be written or already has a run, or a resume from another
            config or with other pictures.
        FloatingPointError: the loss is no longer a number.
    """
    device = torch.device(device) if device else processes.device()
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
    processes.synchronize_batch_norm(model)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    history, position = None, Position()
    if out is not None:
        out = make_folder(out)
        if has_run(out):
            if not resume:
                raise ValueError(
                    f"out: expected a folder without a run, {out} has one; go on with it by "
                    "--resume (resume=True), or choose another folder"
                )
            history, position = resume_run(config, model, optimizer, out)
    if train is None:
        train = open_source(config.data, config.train_size, "train", progress)
    if val is None:
        val = open_source(config.data, config.size, "val", progress)
    _check_pictures(config, train, val)
    fingerprint = f"{train.fingerprint} {val.fingerprint}"
    if history is None:
        known = baselines(train).items()
        history = History(config, {n: mean_mse(b, val) for n, b in known}, val.l2_floor)
        history.fingerprint = fingerprint
    check_data(history, fingerprint)
    history.model = model
    first = processes.rank() == 0
    if on_data is not None and first:
        on_data(train, val)
    weights = rebalancing(train).to(device) if config.rebalanced else None
    objective = processes.wrap(Objective(model, weights))
    if compiled:
        objective = torch.compile(objective)
    train, val = _resident(train, device), _resident(val, device)

    steps = -(-len(train) // config.batch_size)  # an epoch
    bar = progress_bar(
        total=config.epochs * steps,
        initial=position.epoch * steps + position.step,
        desc="training",
        unit="step",
        disable=not (progress and first),
    )

    def save() -> None:
        if out is not None and first:
            save_run(history, optimizer, position, out)

    try:
        with stop_when_asked() as asked:
            while position.epoch < config.epochs:
                saved = time.perf_counter()
                began = saved - position.seconds
                for _ in _train_steps(config, objective, optimizer, train, position):
                    bar.update()
                    position.seconds = time.perf_counter() - began
                    if processes.total(asked()):
                        save()
                        raise KeyboardInterrupt
                    if time.perf_counter() - saved > SAVE_SECONDS:
                        save()
                        saved = time.perf_counter()
                row = _row(config, position, steps)
                row |= validate(model, val, weights)
                if not isfinite(row["val_mse"]):
                    raise FloatingPointError(_diverged(config, f"the validation error of {row}"))
                history.rows.append(row)
                position = Position(epoch=position.epoch + 1)
                bar.set_postfix(
                    epoch=position.epoch,
                    loss=f"{row['train_loss']:.4g}",
                    val_mse=f"{row['val_mse']:.1f}",
                )
                save()
                if on_epoch is not None and first:
                    on_epoch(history)
    except KeyboardInterrupt:
        bar.write(f"Stopped after {len(history.rows)} whole epochs; what was learned is kept.")
    finally:
        bar.close()
        model.eval()
    return history


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
    for lightness, ab in batches(val, 64, device=device, deal=processes.share):
        share = len(ab) / len(val)
        with _precision(device):
            logits = model.logits(lightness)
            squared += share * mse_ab(model.ab_of(logits).float(), ab)
            loss += share * loss_of(model, logits, ab, weights).item()
    measured = {"val_mse": processes.total(squared), "val_loss": processes.total(loss)}
    return measured if model.head == "classification" else {"val_mse": measured["val_mse"]}


def _train_steps(
    config: TrainConfig,
    objective: nn.Module,
    optimizer: torch.optim.Optimizer,
    train: LabDataset,
    position: Position,
) -> Iterator[None]:
    """Train from a position to the end of its epoch; a pause after each step."""
    objective.train()
    parameters = list(objective.parameters())
    device = parameters[0].device
    steps = -(-len(train) // config.batch_size)
    generator, size = _generator(config, position), config.size_at(position.epoch)
    shape = (config.batch_size, generator, config.augmented, device, size)
    for lightness, ab in batches(train, *shape, position.step, processes.even_share):
        step = position.epoch * steps + position.step
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(step, config.epochs * steps, config)
        with _precision(device):
            loss = objective(lightness, ab)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, config.gradient_clip)
        mean = processes.total(loss.item()) / processes.count()
        done = position.step * config.batch_size
        chosen = order_of(train, _generator(config, position))[done : done + config.batch_size]
        if not isfinite(mean) or not torch.isfinite(norm):
            where = f"the loss of epoch {position.epoch + 1}, step {position.step + 1},"
            names = ", ".join(train.names[n] for n in chosen)
            raise FloatingPointError(f"{_diverged(config, where)}; its pictures: {names}")
        optimizer.step()
        position.loss += mean * len(chosen) / len(train)
        position.norm += norm.item() / steps
        position.step += 1
        yield


def _generator(config: TrainConfig, position: Position) -> torch.Generator:
    """The random numbers of an epoch. Its number is a part of the seed, so that a resumed run
    sees what it would have seen."""
    return torch.Generator().manual_seed(1_000_003 * config.seed + position.epoch)


def _row(config: TrainConfig, position: Position, steps: int) -> dict[str, float]:
    """What the history says of the epoch that ended."""
    last = (position.epoch + 1) * steps - 1
    regression = config.head == "regression"
    return {
        "epoch": position.epoch + 1,
        "train_loss": position.loss * AB_SCALE**2 if regression else position.loss,  # CIE units
        "learning_rate": learning_rate_at(last, config.epochs * steps, config),
        "gradient_norm": position.norm,
        "seconds": round(position.seconds, 2),
    }


def _resident(dataset: LabDataset, device: torch.device) -> LabDataset:
    """The pictures on the GPU, if they fill at most half of what is free there."""
    if device.type != "cuda":
        return dataset
    free, _ = torch.cuda.mem_get_info(device)
    if 2 * len(dataset) * prod(dataset.lab.shape[1:]) > free / 2:  # two bytes a number
        return dataset
    return LabDataset(dataset.lab[:].to(device), dataset.names, dataset.report, dataset.l2_floor)


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

"""One training loop, the same on a laptop and on a GPU.

The recipe: shuffled batches with flips and crops, AdamW under a one-cycle learning rate,
gradients clipped, bfloat16 where the processor has it, validation after every epoch. With
`out` a run leaves `best.safetensors` (the weights of the best epoch), `last.safetensors` (all
that resuming needs) and `history.jsonl` (a line an epoch).
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import cos, pi
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from course_utils.bins import soft_encode
from course_utils.data import LabDataset, batches, open_source, progress_bar
from course_utils.metrics import baselines, evaluate, mse_ab
from course_utils.network import AB_SCALE, UPSAMPLING, ColorizationNet
from course_utils.weights import read_safetensors, save_weights, write_safetensors

BF16_ON_CPU = ("avx512_bf16", "amx_tile")  # processor features that torch can ask for


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what is learned. Two runs with equal configs are the same run."""

    data: str = "scenes"  # a source's name or a folder, see data.open_source
    size: int = 64  # pixels; a laptop's minutes go with its square
    width: float = 0.25  # a sixteenth of the released network's parameters
    head: str = "regression"  # "regression" for L2, "classification" for the ab bins
    epochs: int = 40  # as in the mini-project
    batch_size: int = 32
    learning_rate: float = 1e-3  # the peak of the cycle
    weight_decay: float = 1e-2
    warm_up: float = 0.2  # share of all steps in which the rate climbs to its peak
    gradient_clip: float = 1.0  # largest norm of the gradient that is let through
    augmented: bool = True  # flips and crops
    seed: int = 0


@dataclass
class History:
    """What a run learned, epoch by epoch.

    A row has `epoch` (from 1), `train_loss` (MSE(ab) for regression, nats for classification),
    `val_mse` (MSE(ab)), `learning_rate`, `gradient_norm` (mean before clipping), `seconds`.
    """

    config: TrainConfig
    baselines: dict[str, float]  # MSE(ab) on the validation pictures
    l2_floor: float | None = None  # where the source knows it
    rows: list[dict[str, float]] = field(default_factory=list)
    model: ColorizationNet | None = field(default=None, repr=False)

    @property
    def best(self) -> dict[str, float]:
        """The row with the lowest validation error."""
        return min(self.rows, key=lambda row: row["val_mse"])

    def head(self) -> dict:
        """What a history file says in its first line."""
        return {
            "config": asdict(self.config),
            "baselines": self.baselines,
            "l2_floor": self.l2_floor,
        }

    def save(self, path: str | Path) -> None:
        lines = [json.dumps(line) for line in (self.head(), *self.rows)]
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "History":
        """Read a history file.

        Raises:
            ValueError: no such file, or not a history.
        """
        try:
            head, *rows = map(json.loads, Path(path).read_text(encoding="utf-8").splitlines())
            config = TrainConfig(**head["config"])
            return cls(config, head["baselines"], head["l2_floor"], rows)
        except FileNotFoundError:
            raise ValueError(f"{path}: expected a history file, no such file") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: expected a history file, got: {error}") from None


def fit(
    config: TrainConfig,
    train: LabDataset | None = None,
    val: LabDataset | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    progress: bool = True,
    on_epoch: Callable[[History], None] | None = None,
) -> History:
    """Train a network.

    Args:
        config: the recipe.
        train, val: the pictures; opened from `config.data` where not given.
        out: a folder for weights and history.
        resume: go on from `out` if a run of the same config stopped there.
        device: "cpu" or "cuda"; by default a GPU where there is one.
        progress: show a progress bar with the loss and the time left.
        on_epoch: called after each epoch, with the history so far.
    Returns:
        The history, with the trained network as `history.model`. Ctrl-C (or Jupyter's stop
        button) ends the training early and returns what was learned so far.
    Raises:
        ValueError: bad values in the config, a bad source, or a resume from another config.
        FloatingPointError: the loss is no longer a number.
    """
    _check(config)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    train = train or open_source(config.data, config.size, "train", progress)
    val = val or open_source(config.data, config.size, "val", progress)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        model = ColorizationNet(config.width, config.head)
    model.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    history = _start_or_resume(config, model, optimizer, train, val, out, resume)
    history.model = model

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
            row = _train_epoch(config, model, optimizer, train, epoch, device, bar)
            row["val_mse"] = validate(model, val)
            history.rows.append(row)
            bar.set_postfix(
                epoch=epoch + 1, loss=f"{row['train_loss']:.4g}", val_mse=f"{row['val_mse']:.1f}"
            )
            if out is not None:
                _save(history, optimizer, Path(out))
            if on_epoch is not None:
                on_epoch(history)
    except KeyboardInterrupt:
        bar.write(f"Stopped after {len(history.rows)} epochs; what was learned is kept.")
    finally:
        bar.close()
    return history


def loss_of(model: ColorizationNet, lightness: Tensor, ab: Tensor) -> Tensor:
    """What is minimised, from L (B, 1, H, W) and the true ab (B, 2, H, W).

    Regression: the mean squared error of ab / 110. Classification: the cross-entropy with the
    soft-encoded true color, at the quarter size at which the network decides.
    """
    if model.head == "regression":
        return F.mse_loss(model(lightness).float() / AB_SCALE, ab / AB_SCALE)
    target = soft_encode(F.avg_pool2d(ab, UPSAMPLING))  # (B, 313, H/4, W/4)
    return F.cross_entropy(model.logits(lightness).float(), target)


def learning_rate_at(step: int, steps: int, config: TrainConfig) -> float:
    """One cycle: up in a straight line, then down to zero along half a cosine."""
    climb = max(1, round(config.warm_up * steps))
    if step < climb:
        return config.learning_rate * (step + 1) / climb
    return config.learning_rate * (1 + cos(pi * (step - climb) / max(1, steps - climb))) / 2


def validate(model: nn.Module, val: LabDataset) -> float:
    """MSE(ab) on the validation pictures, in the precision of the training."""
    model.eval()
    device = next(model.parameters()).device
    squared = 0.0
    with torch.inference_mode(), _precision(device.type):
        for lightness, ab in batches(val, 64, device=device):
            squared += mse_ab(model(lightness).float(), ab) * len(ab) / len(val)
    return squared


def _train_epoch(
    config: TrainConfig,
    model: ColorizationNet,
    optimizer: torch.optim.Optimizer,
    train: LabDataset,
    epoch: int,
    device: str,
    bar: tqdm,
) -> dict[str, float]:
    model.train()
    began, total, norms = time.perf_counter(), 0.0, 0.0
    # The epoch's number is part of the seed, so a resumed run sees what it would have seen.
    generator = torch.Generator().manual_seed(1_000_003 * config.seed + epoch)
    steps_per_epoch = -(-len(train) // config.batch_size)
    for step, (lightness, ab) in enumerate(
        batches(train, config.batch_size, generator, config.augmented, device)
    ):
        rate = learning_rate_at(
            epoch * steps_per_epoch + step, config.epochs * steps_per_epoch, config
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        with _precision(device):
            loss = loss_of(model, lightness, ab)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
        optimizer.step()
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss became {loss.item()} in epoch {epoch + 1}, step {step + 1}; "
                f"try a learning rate below {config.learning_rate:g}"
            )
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


def _precision(device: str) -> torch.autocast:
    """Mixed bfloat16 where the hardware has it; elsewhere on CPUs it is slower than float32."""
    fast = device == "cuda" and torch.cuda.is_bf16_supported()
    if device == "cpu":
        has = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in BF16_ON_CPU)
        fast = any(supported() for supported in has if supported is not None)
    return torch.autocast(device, torch.bfloat16, enabled=fast)


def _check(config: TrainConfig) -> None:
    for name in ("epochs", "batch_size"):
        if getattr(config, name) < 1:
            raise ValueError(f"{name}: expected at least 1, got {getattr(config, name)}")
    if not config.learning_rate > 0:
        raise ValueError(f"learning_rate: expected more than 0, got {config.learning_rate}")


def _start_or_resume(
    config: TrainConfig,
    model: ColorizationNet,
    optimizer: torch.optim.Optimizer,
    train: LabDataset,
    val: LabDataset,
    out: str | Path | None,
    resume: bool,
) -> History:
    last = None if out is None else Path(out) / "last.safetensors"
    if last is not None and last.exists():
        if not resume:
            raise ValueError(
                f"{out}: expected a folder without a run, found one; go on with it by --resume "
                "(resume=True), or choose another folder"
            )
        tensors, about = read_safetensors(last)
        for name, value in asdict(config).items():
            if about["config"][name] != value:
                raise ValueError(
                    f"{out}: expected a run with {name}={value!r}, it was started with "
                    f"{name}={about['config'][name]!r}; resume with that, or choose another folder"
                )
        _restore(tensors, model, optimizer)
        return History(config, about["baselines"], about["l2_floor"], about["rows"])
    measured = {
        name: evaluate(baseline, val)["mse_ab"] for name, baseline in baselines(train).items()
    }
    return History(config, measured, val.l2_floor)


def _save(history: History, optimizer: torch.optim.Optimizer, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    model, config = history.model, history.config
    if history.best is history.rows[-1]:
        about = {"size": config.size, "data": Path(config.data).name, **history.rows[-1]}
        save_weights(model, out / "best.safetensors", **about)
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in state.items()}
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    about = {"width": config.width, "head": config.head, "rows": history.rows, **history.head()}
    write_safetensors(tensors, out / "last.safetensors", about)
    history.save(out / "history.jsonl")


def _restore(
    tensors: dict[str, Tensor], model: ColorizationNet, optimizer: torch.optim.Optimizer
) -> None:
    weights, state = {}, {}
    parameters = list(model.parameters())
    for name, tensor in tensors.items():
        kind, rest = name.split(".", 1)
        if kind == "model":
            weights[rest] = tensor
        else:
            number, moment = rest.split(".", 1)
            if tensor.ndim > 0:  # fused AdamW wants the memory layout of the parameter
                tensor = torch.empty_like(parameters[int(number)]).copy_(tensor)
            state.setdefault(int(number), {})[moment] = tensor
    model.load_state_dict(weights)
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})

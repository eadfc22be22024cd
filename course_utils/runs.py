"""A training run: what decides it (config), what it learned (history), and both on disk.

A run's folder has `best.safetensors` (the weights of the best epoch), `last.safetensors` and
`previous.safetensors` (all that resuming needs, and the state before that) and `history.jsonl` (a
line an epoch). The rate and the random numbers follow from the place in the run, bfloat16 needs no
scaler, so the state is: weights, moments of the optimizer, place, history, config, and the
fingerprint of the data.
"""

import json
import tempfile
import warnings
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path

import torch

from course_utils.network import STRIDE, ColorizationNet, check_architecture
from course_utils.scenes import check_size
from course_utils.weights import read_safetensors, save_weights, write_safetensors, write_whole

MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what AdamW keeps of a parameter
MOST_HISTORY = 2**26  # bytes; an epoch takes some hundred
STATES = ("last.safetensors", "previous.safetensors")


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what is learned: on one CPU, equal configs give equal runs."""

    data: str = "scenes"  # a source's name or a folder, see data.open_source
    size: int = 64  # pixels; a laptop's minutes go with its square
    width: float = 0.25  # a sixteenth of the released network's parameters
    head: str = "regression"  # "regression" for L2, "classification" for the ab bins
    rebalanced: bool = False  # classification: rare colors weigh more, see bins.class_weights
    epochs: int = 40  # as in the mini-project
    batch_size: int = 64
    learning_rate: float = 1.5e-3  # the peak of the cycle
    weight_decay: float = 1e-2
    warm_up: float = 0.2  # share of all steps in which the rate climbs to its peak
    gradient_clip: float = 1.0  # largest norm of the gradient that is let through
    augmented: bool = True  # flips and crops
    oversize: float = 1.5  # photographs are cropped from copies this much larger: crops stay sharp
    growth: float = 0.75  # share of the epochs in which photographs grow from half of size to all
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", str(self.data))
        limits = {
            "size": (8, 4096),
            "epochs": (1, 10**6),
            "batch_size": (1, 10**6),
            "learning_rate": (1e-12, 1e3),
            "seed": (0, 2**32),
            "oversize": (1, 4),
            "growth": (0, 1),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name}: expected {low:g} to {high:g}, got {value}")
        check_size(self.size)
        check_architecture(self.width, self.head)
        if self.rebalanced and self.head != "classification":
            raise ValueError("rebalanced: expected head 'classification', L2 has no classes")

    @property
    def train_size(self) -> int:
        """The size of the pictures that crops are cut from; a scene is as sharp at every size."""
        if not self.augmented or self.data == "scenes":
            return self.size
        return STRIDE * round(self.oversize * self.size / STRIDE)

    def size_at(self, epoch: int) -> int:
        """The size of the pictures of an epoch (from 0): small ones teach the rough things in a
        fraction of the time. Scenes keep theirs, so that errors compare with their floor."""
        grown = 1.0
        if self.augmented and self.data != "scenes" and self.growth > 0:
            grown = min(1.0, epoch / (self.growth * self.epochs))
        small = min(self.size, 2 * STRIDE)  # of one pixel at an eighth BatchNorm learns nothing
        return max(small, STRIDE * int((1 + grown) / 2 * self.size / STRIDE))


@dataclass
class History:
    """What a run learned, epoch by epoch.

    A row has `epoch` (from 1), `train_loss` (MSE(ab) for regression, nats for classification),
    `val_mse` (MSE(ab)), for classification `val_loss` (nats), `learning_rate`, `gradient_norm`
    (mean before clipping), `seconds`.
    """

    config: TrainConfig
    baselines: dict[str, float]  # MSE(ab) on the validation pictures
    l2_floor: float | None = None  # where the source knows it
    rows: list[dict[str, float]] = field(default_factory=list)
    fingerprint: str | None = None  # of the pictures
    model: ColorizationNet | None = field(default=None, repr=False)

    @property
    def best(self) -> dict[str, float]:
        """The row with the lowest validation loss."""
        measure = "val_mse" if self.config.head == "regression" else "val_loss"
        return min(self.rows, key=lambda row: row[measure])

    def head(self) -> dict:
        """What a history file says in its first line."""
        return {
            "config": asdict(self.config),
            "baselines": self.baselines,
            "l2_floor": self.l2_floor,
            "fingerprint": self.fingerprint,
        }

    def save(self, path: str | Path) -> None:
        """Write a history file, whole or not at all."""
        lines = [json.dumps(line) + "\n" for line in (self.head(), *self.rows)]
        write_whole(path, "".join(lines).encode())

    @classmethod
    def load(cls, path: str | Path) -> "History":
        """Read a history file.

        Raises:
            ValueError: no such file, or not a history.
        """
        try:
            if Path(path).exists() and not 0 < Path(path).stat().st_size < MOST_HISTORY:
                raise ValueError("a file of another length")
            head, *rows = map(json.loads, Path(path).read_text(encoding="utf-8").splitlines())
            return cls.of(head, rows)
        except FileNotFoundError:
            raise ValueError(f"{path}: expected a history file, no such file") from None
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)[:200]
            raise ValueError(f"{path}: expected a history file, got: {reason}") from None

    @classmethod
    def of(cls, head: dict, rows: list) -> "History":
        """What a file says, if it is a history: else KeyError, TypeError or ValueError."""
        for name, value in head["config"].items() if isinstance(head["config"], dict) else ():
            wanted = TrainConfig.__dataclass_fields__[name].type
            if type(value) is not wanted and not (wanted is float and type(value) is int):
                raise TypeError(f"{name} {value!r}")
        config = TrainConfig(**head["config"])
        floor, baselines = head["l2_floor"], head["baselines"]
        measures = {"epoch", "train_loss", "val_mse"}
        measures |= {"val_loss"} if config.head == "classification" else set()
        if not isinstance(baselines, dict) or not isinstance(rows, list):
            raise TypeError("no table")
        for row in rows:
            if not isinstance(row, dict) or not measures <= set(row):
                raise TypeError(f"an epoch without {', '.join(sorted(measures))}")
        numbers = [0 if floor is None else floor, *baselines.values()]
        for value in chain(numbers, *(row.values() for row in rows)):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"{value!r} in place of a number")
        if not isinstance(head.get("fingerprint"), str | None):
            raise TypeError("a fingerprint that is no text")
        return cls(config, baselines, floor, rows, head.get("fingerprint"))


@dataclass
class Position:
    """A place in a run: so many steps of an epoch (from 0) are done, and what they added up to."""

    epoch: int = 0
    step: int = 0
    loss: float = 0.0  # each step's by its share of the pictures
    norm: float = 0.0  # of the gradient, each step's by its share of the steps
    seconds: float = 0.0


def make_folder(path: str | Path) -> Path:
    """A folder that can be written to.

    Raises:
        ValueError: it cannot be.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return Path(path)
    except OSError as error:
        raise ValueError(
            f"out: expected a folder that can be written to, got {path} ({error.strerror}); "
            "choose another"
        ) from None


def has_run(out: Path) -> bool:
    """Whether a folder has a run that could be gone on with."""
    return any((out / name).exists() for name in STATES)


def save_run(
    history: History, optimizer: torch.optim.Optimizer, position: Position, out: Path
) -> None:
    """Write all that resuming needs, and after an epoch the best weights and the history too."""
    model, config = history.model, history.config
    if position.step == 0 and history.best is history.rows[-1]:
        about = {"size": config.size, "data": Path(config.data).name, **history.rows[-1]}
        save_weights(model, out / "best.safetensors", **about)
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in state.items()}
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    about = {"width": config.width, "head": config.head, "rows": history.rows, **history.head()}
    about["position"] = asdict(position)
    last, previous = (out / name for name in STATES)
    write_safetensors(tensors, out / "next.safetensors", about)
    if last.exists():
        last.replace(previous)
    (out / "next.safetensors").replace(last)
    history.save(out / "history.jsonl")


def resume_run(
    config: TrainConfig, model: ColorizationNet, optimizer: torch.optim.Optimizer, out: Path
) -> tuple[History, Position]:
    """Put a run's last state that can be read into model and optimizer; how far it had come.

    Raises:
        ValueError: the run is of another config, or has no state that can be read.
    """
    problems = []
    for state in filter(Path.exists, (out / name for name in STATES)):
        try:
            tensors, about = read_safetensors(state)
            history, position = History.of(about, about["rows"]), Position(**about["position"])
            started = history.config
            done = (position.epoch, position.step)
            sums = (position.loss, position.norm, position.seconds)
            if [*map(type, done)] != [int, int] or not {*map(type, sums)} <= {int, float}:
                raise TypeError(str(position))
            if position.epoch != len(history.rows) or position.step < 0:
                raise ValueError(f"{len(history.rows)} epochs, and {position}")
            _check_config(config, started, out)
            _restore(tensors, model, optimizer)
        except OtherConfig:
            raise
        except (ValueError, KeyError, IndexError, TypeError, RuntimeError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            problems.append(f"{state}: expected the state of a run, got something else ({reason})")
            continue
        for left in out.glob("next.safetensors.*.part"):  # of a process that was killed
            left.unlink(missing_ok=True)
        for problem in problems:
            warnings.warn(f"{problem}; going on from {state.name}", stacklevel=2)
        history.save(out / "history.jsonl")
        return history, position
    raise ValueError(f"{problems[0]}; choose another folder")


class OtherConfig(ValueError):
    """A run was started with another config than the one it is resumed with."""


def _check_config(config: TrainConfig, started: TrainConfig, out: Path) -> None:
    for name, value in asdict(config).items():
        before = getattr(started, name)
        if before != value:
            raise OtherConfig(
                f"{out}: expected a run with {name}={value!r}, it was started with "
                f"{name}={before!r}; resume with that, or choose another folder"
            )


def check_data(history: History, fingerprint: str) -> None:
    """Raises ValueError if a run was started with other pictures."""
    if history.fingerprint != fingerprint:
        raise ValueError(
            f"data: expected the pictures that the run was started with, those in "
            f"{history.config.data} have changed; train anew in another folder"
        )


def _restore(
    tensors: dict[str, torch.Tensor], model: ColorizationNet, optimizer: torch.optim.Optimizer
) -> None:
    weights, state = {}, {}
    parameters = list(model.parameters())
    for name, tensor in tensors.items():
        kind, rest = name.split(".", 1)
        if kind == "model":
            weights[rest] = tensor
        else:
            number, moment = rest.split(".", 1)
            shape = () if moment == "step" else parameters[int(number)].shape
            if moment not in MOMENTS or tensor.shape != shape:
                raise ValueError(f"{name} of shape {tuple(tensor.shape)}")
            if tensor.ndim > 0:  # fused AdamW wants the memory layout of the parameter
                tensor = torch.empty_like(parameters[int(number)]).copy_(tensor)
            state.setdefault(int(number), {})[moment] = tensor
    model.load_state_dict(weights)
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})

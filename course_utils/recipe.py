"""The config of a training run, and its history. Lesson 4."""

import json
from dataclasses import asdict, dataclass, field
from itertools import chain
from math import cos, pi
from pathlib import Path
from typing import TYPE_CHECKING

from course_utils.plumbing.arguments import as_kind, names_checked
from course_utils.plumbing.files import write_atomic
from course_utils.plumbing.limits import STRIDE, check_architecture, check_size

if TYPE_CHECKING:
    from course_utils.network import ColorizationNet

MOST_HISTORY = 2**26  # bytes; an epoch takes a few hundred


@dataclass(frozen=True)
class TrainConfig:
    """Everything that determines a run: on one CPU, equal configs give equal runs."""

    data: str = "scenes"  # a source's name or a folder, see data.load_dataset
    size: int = 64  # pixels; training time grows with its square
    width: float = 0.25  # a sixteenth of the released network's parameters
    head: str = "regression"  # "regression" for L2, "classification" for the ab bins
    rebalanced: bool = False  # classification: rare colors weigh more, see bins.class_weights
    epochs: int = 40  # as in the mini-project that the course grew out of
    batch_size: int = 64
    learning_rate: float = 1.5e-3  # the peak of the cycle
    weight_decay: float = 1e-2
    warm_up: float = 0.2  # fraction of all steps in which the rate rises to its peak
    gradient_clip: float = 1.0  # maximum norm of the gradient
    augmented: bool = True  # flips and crops
    oversize: float = 1.5  # crops come from photographs this much larger, to stay sharp
    growth: float = 0.75  # fraction of the epochs in which pictures grow from size / 2 to size
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            kind = self.__dataclass_fields__[name].type
            object.__setattr__(self, name, as_kind(name, value, kind))
        limits = {
            "size": (8, 4096),
            "epochs": (1, 10**6),
            "batch_size": (1, 10**6),
            "learning_rate": (1e-12, 1e3),
            "weight_decay": (0, 1e3),
            "warm_up": (0, 1),
            "gradient_clip": (1e-12, 1e12),
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
        """The size of the pictures to crop from; `size` for scenes and without augmentation."""
        if not self.augmented or self.data == "scenes":
            return self.size
        return STRIDE * round(self.oversize * self.size / STRIDE)

    def steps(self, pictures: int) -> int:
        """Steps per epoch for this many pictures; the last batch may be smaller."""
        return -(-pictures // self.batch_size)

    def size_at(self, epoch: int) -> int:
        """Picture size in an epoch, counted from 0.

        Small pictures teach coarse structure in a fraction of the time. Scenes keep their size, so
        that errors stay comparable with `l2_floor`.
        """
        grown = 1.0
        if self.augmented and self.data != "scenes" and self.growth > 0:
            grown = min(1.0, epoch / (self.growth * self.epochs))
        small = min(self.size, 2 * STRIDE)  # BatchNorm needs more than one pixel at 1/8 size
        return max(small, STRIDE * int((1 + grown) / 2 * self.size / STRIDE))


TrainConfig.__init__ = names_checked(TrainConfig.__init__)


def learning_rate_at(step: int, steps: int, config: TrainConfig) -> float:
    """One-cycle schedule: linear warm-up to the peak, then cosine decay to 0. Steps start at 0."""
    climb = max(1, round(config.warm_up * steps))
    if step < climb:
        return config.learning_rate * (step + 1) / climb
    return config.learning_rate * (1 + cos(pi * (step - climb) / max(1, steps - climb))) / 2


@dataclass
class History:
    """The history of a run, one row per epoch.

    A row has `epoch` (from 1), `train_loss` (MSE(ab) for regression, nats for classification),
    `val_mse` (MSE(ab)), for classification `val_loss` (nats), `learning_rate`, `gradient_norm`
    (mean before clipping), and `seconds`.
    """

    config: TrainConfig
    baselines: dict[str, float]  # MSE(ab) on the validation pictures
    l2_floor: float | None = None  # None if unknown
    rows: list[dict[str, float]] = field(default_factory=list)
    fingerprint: str | None = None  # of the pictures
    model: "ColorizationNet | None" = field(default=None, repr=False)

    @property
    def best(self) -> dict[str, float]:
        """The row with the lowest validation loss."""
        measure = "val_mse" if self.config.head == "regression" else "val_loss"
        return min(self.rows, key=lambda row: row[measure])

    def head(self) -> dict:
        """The first line of a history file, as a dict."""
        return {
            "config": asdict(self.config),
            "baselines": self.baselines,
            "l2_floor": self.l2_floor,
            "fingerprint": self.fingerprint,
        }

    def save(self, path: str | Path) -> None:
        """Write a history file atomically."""
        lines = [json.dumps(line) + "\n" for line in (self.head(), *self.rows)]
        write_atomic(path, "".join(lines).encode())

    @classmethod
    def load(cls, path: str | Path) -> "History":
        """Read a history file.

        Raises:
            ValueError: a file that is missing or not a history.
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
        """Build a history from parsed JSON; KeyError, TypeError or ValueError if it is invalid."""
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

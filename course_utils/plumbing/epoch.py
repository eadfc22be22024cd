"""Bookkeeping for the training loop in `training.train_epoch`."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from tqdm import tqdm

from course_utils.data import LabDataset, batches, epoch_order
from course_utils.network import AB_SCALE
from course_utils.plumbing import processes
from course_utils.plumbing.checkpoints import Position
from course_utils.recipe import TrainConfig, learning_rate_at

if TYPE_CHECKING:
    from course_utils.training import ClippedAdamW

SAVE_SECONDS = 300  # a long epoch is saved on the way, at most this much apart


@dataclass
class Epoch:
    """The bookkeeping of one epoch: its batches, the learning rate, running sums, the progress
    bar, and when to save or to stop."""

    config: TrainConfig
    train: LabDataset
    position: Position  # moves on with every step
    optimizer: "ClippedAdamW"
    bar: tqdm
    save: Callable[[], None]
    asked: Callable[[], bool]  # whether somebody wants the training to stop

    def __post_init__(self) -> None:
        self.steps = self.config.steps(len(self.train))
        self.saved = time.perf_counter()
        self.began = self.saved - self.position.seconds

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """L (B, 1, H, W) and ab (B, 2, H, W) of each batch that is left, see `data.batches`."""
        config, groups = self.config, self.optimizer.param_groups
        size, device = config.size_at(self.position.epoch), groups[0]["params"][0].device
        how = (config.batch_size, self._generator(), config.augmented, device, size)
        for batch in batches(self.train, *how, self.position.step, processes.even_share):
            for group in groups:
                group["lr"] = self._learning_rate(self.position.step)
            yield batch

    def stepped(self, loss: Tensor) -> None:
        """Record the loss, shape (), of a completed step.

        Raises:
            FloatingPointError: the loss or the gradient norm is NaN or infinite.
            KeyboardInterrupt: a stop was requested; the state has been saved.
        """
        place, mean = self.position, processes.total(loss.item()) / processes.count()
        done, most = place.step * self.config.batch_size, self.config.batch_size
        if not (isfinite(mean) and isfinite(self.optimizer.gradient_norm)):
            what = f"the loss of epoch {place.epoch + 1}, step {place.step + 1},"
            chosen = epoch_order(self.train, self._generator())[done : done + most]
            names = ", ".join(self.train.names[n] for n in chosen)
            raise FloatingPointError(f"{diverged(self.config, what)}; its pictures: {names}")
        place.loss += mean * min(most, len(self.train) - done) / len(self.train)
        place.norm += self.optimizer.gradient_norm / self.steps
        place.step += 1
        place.seconds = time.perf_counter() - self.began
        self.bar.update()
        stop = bool(processes.total(self.asked()))
        if stop or time.perf_counter() - self.saved > SAVE_SECONDS:
            self.save()
            self.saved = time.perf_counter()
        if stop:
            raise KeyboardInterrupt

    def row(self) -> dict[str, float]:
        """What the history says of the epoch when it has ended."""
        regression = self.config.head == "regression"
        return {
            "epoch": self.position.epoch + 1,
            "train_loss": self.position.loss * (AB_SCALE**2 if regression else 1),  # CIE units
            "learning_rate": self._learning_rate(self.steps - 1),
            "gradient_norm": self.position.norm,
            "seconds": round(self.position.seconds, 2),
        }

    def _learning_rate(self, step: int) -> float:
        done = self.position.epoch * self.steps + step
        return learning_rate_at(done, self.config.epochs * self.steps, self.config)

    def _generator(self) -> torch.Generator:
        """The epoch's random generator. The epoch number is part of the seed, so a resumed run
        draws the same numbers as an uninterrupted one."""
        return torch.Generator().manual_seed(1_000_003 * self.config.seed + self.position.epoch)


def diverged(config: TrainConfig, what: str) -> str:
    """The error message for a value, named `what`, that is NaN or infinite."""
    rate = config.learning_rate
    return f"{what} is NaN or infinite; try a learning rate below {rate:g}"

"""Several processes that train one network together, started by PyTorch's own `torchrun`:

    torchrun --standalone --nproc-per-node 2 -m course_utils train --data scenes --out runs/two

Each process has a copy of the network and works on its share of every batch; PyTorch's
DistributedDataParallel averages their gradients (gloo between CPUs, NCCL between GPUs). Each batch
is split among the processes, and BatchNorm uses the pictures of all of them, so a step equals the
step of a single process with the whole batch. Without torchrun every function here behaves as for
one process.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DistributedSampler


@contextmanager
def process_group() -> Iterator[None]:
    """Join the other processes that torchrun started, if it did."""
    if not distributed.is_torchelastic_launched():
        yield
        return
    place = device()
    if place.type == "cuda":
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def device() -> torch.device:
    """This process's GPU where there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device("cpu")


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """The number of this process; number 0 writes the files."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def share(pictures: Tensor) -> Tensor:
    """This process's part of the numbers of some pictures, (B,): every `count`-th."""
    return pictures[rank() :: count()]


def even_share(pictures: Tensor) -> Tensor:
    """As `share`, but padded with repeated indices so that all processes have equally many."""
    if count() == 1:
        return pictures
    return pictures[list(DistributedSampler(pictures, count(), rank(), shuffle=False))]


def total(value: float) -> float:
    """The sum over all processes."""
    if count() == 1:
        return value
    sums = torch.tensor(value, dtype=torch.float64, device=device())
    distributed.all_reduce(sums)
    return sums.item()


def wrap(objective: nn.Module) -> nn.Module:
    """A module whose gradients are averaged over all processes."""
    if count() == 1:
        return objective
    place = device()
    return DistributedDataParallel(objective, [place] if place.type == "cuda" else None)


def synchronize_batch_norm(model: nn.Module) -> None:
    """Replace each BatchNorm by one that sees the pictures of all processes."""
    if count() == 1:
        return
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                replacement = SynchronizedBatchNorm2d(child.num_features).to(child.weight.device)
                replacement.load_state_dict(child.state_dict())
                setattr(module, name, replacement)


@contextmanager
def stop_when_asked() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C, Jupyter's stop button or a system shutdown end the work at a safe point.

    The first SIGINT or SIGTERM is only recorded: from then on, the function that this yields
    returns True. A second signal raises KeyboardInterrupt. Python handles signals only in the main
    thread; in other threads the function always returns False."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, ask)
    except ValueError:  # not the main thread
        pass
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class SynchronizedBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm over the batch of all processes. `torch.nn.SyncBatchNorm` is for GPUs alone."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        if not self.training:
            return super().forward(x)
        wide = x.float()
        sums = torch.stack((wide.sum((0, 2, 3)), wide.square().sum((0, 2, 3))))
        many = x.numel() // x.shape[1] * count()  # all processes have equally many pictures
        mean, square = all_reduce(sums) / many
        variance = (square - mean.square()).clamp(min=0)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * many / max(1, many - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (wide * scale[:, None, None] + shift[:, None, None]).to(x.dtype)

"""One of several processes of `test_distributed.py`, started by torchrun with OUT [N].

Writes the gradient of the first step, as process 0 sees it, to OUT/gradient.pt, and a short
training to OUT; process 1 is killed in step N.
"""

import os
import signal
import sys
from pathlib import Path

import torch

from course_utils import losses
from course_utils.data import LabDataset, Report, batches
from course_utils.losses import Objective
from course_utils.network import ColorizationNet
from course_utils.plumbing import processes
from course_utils.scenes import render
from course_utils.training import TrainConfig, fit

CONFIG = TrainConfig(size=32, width=0.1, epochs=4, batch_size=8)


def scenes() -> LabDataset:
    """45 scenes of 32 x 32: the last batch has 5, which two processes cannot share evenly."""
    made = render(range(45), 32)
    lab = torch.cat((made.L, made.ab), dim=1).half()
    return LabDataset(lab, [f"scene {n}" for n in range(45)], Report(used=45), made.l2_floor())


def first_gradient() -> list[torch.Tensor]:
    torch.manual_seed(0)
    net = ColorizationNet(CONFIG.width)
    processes.synchronize_batch_norm(net)
    objective = processes.wrap(Objective(net)).train()
    generator = torch.Generator().manual_seed(0)
    lightness, ab = next(batches(scenes(), 8, generator, True, deal=processes.even_share))
    objective(lightness, ab).backward()
    return [parameter.grad for parameter in net.parameters()]


def train(out: Path, killed: int | None = None) -> None:
    calls, real = [], losses.colorization_loss

    def counted(*inputs: object) -> torch.Tensor:
        calls.append(inputs)
        if len(calls) == killed and processes.rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*inputs)

    losses.colorization_loss = counted
    data = scenes()
    fit(CONFIG, data, data, out, resume=True, device="cpu", progress=False)


if __name__ == "__main__":
    out, *killed = sys.argv[1:]
    with processes.process_group():
        gradient = first_gradient()
        if processes.rank() == 0:
            torch.save(gradient, Path(out) / "gradient.pt")
        train(Path(out), *map(int, killed))

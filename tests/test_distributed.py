"""Two processes against one: `torchrun` as the reader would call it, on the CPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from distributed_worker import CONFIG, first_gradient, train
from torch import nn

from course_utils.plumbing import processes
from course_utils.recipe import History

WORKER = Path(__file__).parent / "distributed_worker.py"
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not torch.distributed.is_available(),
    reason="needs Linux, and a PyTorch with torch.distributed",
)


def two_processes(*arguments: object) -> int:
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*TORCHRUN, WORKER, *arguments]
    return subprocess.run(list(map(str, command)), env=env, cwd=WORKER.parent.parent).returncode


@pytest.fixture(scope="module")
def run_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    assert two_processes(folder) == 0
    return folder


def test_the_first_gradient_is_that_of_one_process(run_of_two: Path) -> None:
    of_two, of_one = torch.load(run_of_two / "gradient.pt"), first_gradient()
    largest = max(gradient.abs().max() for gradient in of_one)
    for ours, whole in zip(of_two, of_one, strict=True):
        assert (ours - whole).abs().max() < 1e-5 * largest


def test_two_processes_learn_what_one_learns(run_of_two: Path, tmp_path: Path) -> None:
    train(tmp_path)
    two, one = (History.load(folder / "history.jsonl") for folder in (run_of_two, tmp_path))
    assert [row["epoch"] for row in two.rows] == [1, 2, 3, 4]
    assert two.rows[0]["train_loss"] == pytest.approx(one.rows[0]["train_loss"], rel=0.03)
    assert two.rows[-1]["val_mse"] == pytest.approx(one.rows[-1]["val_mse"], rel=0.03)


def test_a_killed_process_ends_all_and_one_goes_on(tmp_path: Path) -> None:
    steps = 6  # of an epoch
    assert two_processes(tmp_path, 2 * steps + 3) != 0
    assert len(History.load(tmp_path / "history.jsonl").rows) == 2
    train(tmp_path)
    assert len(History.load(tmp_path / "history.jsonl").rows) == CONFIG.epochs


def test_without_torchrun_there_is_one_process() -> None:
    numbers = torch.arange(5)
    assert torch.equal(processes.share(numbers), numbers)
    assert torch.equal(processes.even_share(numbers), numbers)
    assert processes.total(2.5) == 2.5
    model = nn.Sequential(nn.BatchNorm2d(3))
    processes.synchronize_batch_norm(model)
    assert type(model[0]) is nn.BatchNorm2d
    assert processes.wrap(model) is model

"""A training that is killed again and again, at any moment, and is none the worse for it."""

import multiprocessing
import random
import signal
import sys
import time
from dataclasses import replace
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Semaphore
from pathlib import Path

import pytest
import torch
from distributed_worker import CONFIG, scenes

from course_utils import training
from course_utils.plumbing import epoch
from course_utils.plumbing.epoch import Epoch
from course_utils.plumbing.weights import read_safetensors
from course_utils.recipe import History

KILLS = 20
LONG = replace(CONFIG, epochs=20)  # more than can be done between the kills

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs processes that fork")


def train(out: Path, allowed: Semaphore | None = None, done: Semaphore | None = None) -> None:
    """A training. With semaphores it takes a step when it is allowed to, and says when it has; then
    it is saved after every step, so that kills often meet a save."""
    stepped = Epoch.stepped

    def asking(self: Epoch, loss: torch.Tensor) -> None:
        allowed.acquire()
        done.release()
        stepped(self, loss)

    if allowed is not None:
        epoch.SAVE_SECONDS = 0
        Epoch.stepped = asking
    data = scenes()
    training.fit(LONG, data, data, out, resume=True, device="cpu", progress=False)


def test_killed_runs_are_the_run_that_was_not(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["course_utils.training", "torch._dynamo"])
    rng = random.Random(0)

    def start(name: str, *semaphores: Semaphore) -> BaseProcess:
        process = context.Process(target=train, args=(tmp_path / name, *semaphores))
        process.start()
        return process

    for kill in range(KILLS):
        steps = kill % 8  # after 0, often before the first one
        allowed, done = context.Semaphore(steps + 1), context.Semaphore(0)
        process = start("killed", allowed, done)
        for _ in range(steps):
            while not done.acquire(timeout=1):
                assert process.is_alive()
        time.sleep(rng.uniform(0, 0.05))  # any moment of the step and of the save after it
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    rows = len(History.load(tmp_path / "killed" / "history.jsonl").rows)
    assert 3 < rows < LONG.epochs  # it came further between kills
    for name in ("killed", "whole"):
        process = start(name)
        process.join()
        assert process.exitcode == 0
    killed, whole = (
        History.load(tmp_path / name / "history.jsonl") for name in ("killed", "whole")
    )
    assert len(killed.rows) == LONG.epochs
    assert not list(tmp_path.rglob("*.part"))
    for name in ("train_loss", "val_mse", "gradient_norm", "learning_rate"):
        assert [row[name] for row in killed.rows] == [row[name] for row in whole.rows]
    ours, theirs = (
        read_safetensors(tmp_path / name / "best.safetensors")[0] for name in ("killed", "whole")
    )
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)

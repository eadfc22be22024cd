"""A training that is killed again and again, at any moment, and is none the worse for it."""

import multiprocessing
import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from distributed_worker import CONFIG, scenes

from course_utils import training
from course_utils.plumbing.weights import read_safetensors
from course_utils.recipe import History

KILLS = 20
LONG = replace(CONFIG, epochs=40)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs processes that fork")


def train(out: Path) -> None:
    training.SAVE_SECONDS = 0  # after every step, so that kills often meet a save
    data = scenes()
    training.fit(LONG, data, data, out, resume=True, device="cpu", progress=False)


def test_killed_runs_are_the_run_that_was_not(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["course_utils.training", "torch._dynamo"])
    dice, kills, epochs = random.Random(0), 0, set()
    while kills < KILLS:
        process = context.Process(target=train, args=(tmp_path / "killed",))
        process.start()
        process.join(dice.uniform(0.2, 1.2))
        assert process.exitcode is None, "it ended before it was killed often enough"
        process.kill()
        process.join()
        kills += 1
        if (tmp_path / "killed" / "history.jsonl").exists():
            epochs.add(len(History.load(tmp_path / "killed" / "history.jsonl").rows))
    assert len(epochs) > 3  # it came further between kills
    for name in ("killed", "whole"):
        process = context.Process(target=train, args=(tmp_path / name,))
        process.start()
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

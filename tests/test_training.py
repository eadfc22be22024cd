import errno
import json
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils import losses, training
from course_utils.colorize import load_model
from course_utils.data import LabDataset, Report, batches, load_dataset
from course_utils.losses import colorization_loss
from course_utils.metrics import evaluate
from course_utils.network import AB_SCALE, ColorizationNet
from course_utils.photos import photo_to_lab, sample_photo
from course_utils.plumbing import epoch, weights
from course_utils.plumbing.checkpoints import save_run
from course_utils.recipe import History, TrainConfig, learning_rate_at
from course_utils.scenes import render
from course_utils.training import fit

CONFIG = TrainConfig(size=32, width=0.1, epochs=3, batch_size=8)


def run(data: LabDataset, config: TrainConfig = CONFIG, **options: object) -> History:
    return fit(config, data, data, device="cpu", progress=False, **options)


def test_crops_are_cut_from_larger_photographs(photo_folder: Path) -> None:
    config = replace(CONFIG, data=photo_folder, size=16, epochs=1)
    sizes = []
    fit(config, progress=False, on_data=lambda train, val: sizes.extend((train.size, val.size)))
    assert sizes == [24, 16]
    with pytest.raises(ValueError, match="val: expected size 16, got 24"):
        train = load_dataset(photo_folder, 24, "train")
        fit(config, train, train, progress=False)
    assert replace(config, data="scenes").train_size == 16


def test_given_photographs_grow_as_opened_ones_do(scene_dataset: LabDataset) -> None:
    photos = LabDataset(scene_dataset.lab, scene_dataset.names)  # of no known floor: no scenes
    with pytest.raises(ValueError, match="val: expected pictures to validate on"):
        fit(CONFIG, photos, device="cpu", progress=False)
    history = run(photos, replace(CONFIG, epochs=1))
    assert history.config.data == "a dataset"
    assert [replace(history.config, epochs=3).size_at(n) for n in (0, 2)] == [16, 24]
    assert run(scene_dataset, replace(CONFIG, epochs=1)).config.data == "scenes"


@pytest.mark.parametrize("head", ["regression", "classification"])
def test_it_learns(head: str, scene_dataset: LabDataset) -> None:
    config = replace(CONFIG, head=head, epochs=12, augmented=False)
    history = run(scene_dataset, config)
    losses = [row["train_loss"] for row in history.rows]
    assert losses[-1] < 0.9 * losses[0]
    if head == "regression":
        assert history.best["val_mse"] < history.baselines["mean given L"]
    measured = evaluate(history.model, scene_dataset)["mse_ab"]
    assert measured == pytest.approx(history.rows[-1]["val_mse"], rel=0.02)


def test_equal_seeds_give_equal_runs(scene_dataset: LabDataset) -> None:
    torch.manual_seed(1)
    first = [row["val_mse"] for row in run(scene_dataset).rows]
    torch.manual_seed(2)  # whatever else was drawn does not matter
    assert [row["val_mse"] for row in run(scene_dataset).rows] == first
    other = run(scene_dataset, replace(CONFIG, seed=1))
    assert [row["val_mse"] for row in other.rows] != first


def test_a_resumed_run_is_the_run_that_was_not_interrupted(
    scene_dataset: LabDataset, tmp_path: Path
) -> None:
    whole = run(scene_dataset)

    def interrupt(history: History) -> None:
        if len(history.rows) == 2:
            raise KeyboardInterrupt

    part = run(scene_dataset, out=tmp_path, on_epoch=interrupt)
    assert len(part.rows) == 2
    resumed = run(scene_dataset, out=tmp_path, resume=True)
    names = ("epoch", "train_loss", "val_mse", "gradient_norm", "learning_rate")
    assert [[row[name] for name in names] for row in resumed.rows] == [
        [row[name] for name in names] for row in whole.rows
    ]
    for ours, theirs in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_what_a_run_leaves_behind(scene_dataset: LabDataset, tmp_path: Path) -> None:
    began = time.perf_counter()
    history = run(scene_dataset, out=tmp_path)
    assert 0 < sum(row["seconds"] for row in history.rows) < time.perf_counter() - began
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        ".lock",
        "best.safetensors",
        "history.jsonl",
        "last.safetensors",
        "previous.safetensors",
    ]
    read = History.load(tmp_path / "history.jsonl")
    assert read.rows == history.rows
    assert read.config == CONFIG
    assert read.baselines == history.baselines
    assert read.l2_floor == scene_dataset.l2_floor
    best = evaluate(load_model(tmp_path / "best.safetensors", "cpu"), scene_dataset)["mse_ab"]
    assert best == pytest.approx(history.best["val_mse"], rel=0.02)


def test_a_trained_network_is_trained_further(scene_dataset: LabDataset) -> None:
    start = run(scene_dataset, replace(CONFIG, epochs=12, augmented=False)).model
    little = replace(CONFIG, learning_rate=1e-6, epochs=1, augmented=False)
    new = run(scene_dataset, little).rows[0]["val_mse"]
    assert run(scene_dataset, little, model=start).rows[0]["val_mse"] < 0.6 * new
    with pytest.raises(ValueError, match=r"model: expected width 0\.2 and head regression"):
        run(scene_dataset, replace(CONFIG, width=0.2), model=start)


def test_a_network_in_bfloat16_is_trained_in_float32(
    scene_dataset: LabDataset, tmp_path: Path
) -> None:
    start = load_model("landscapes", "cpu")
    start.use_bfloat16()
    before = {name: tensor.float().clone() for name, tensor in start.state_dict().items()}
    config = replace(CONFIG, width=start.width, epochs=1)
    run(scene_dataset, config, out=tmp_path, model=start)
    after = load_model(tmp_path / "best.safetensors", "cpu").state_dict()
    learned = dict(start.named_parameters())
    assert not [name for name in learned if torch.equal(after[name], before[name])]


def test_a_run_is_not_overwritten_and_not_mixed(scene_dataset: LabDataset, tmp_path: Path) -> None:
    run(scene_dataset, out=tmp_path)
    with pytest.raises(ValueError, match="--resume"):
        run(scene_dataset, out=tmp_path)
    with pytest.raises(ValueError, match=r"width=0\.2, it was started with width=0\.1"):
        run(scene_dataset, replace(CONFIG, width=0.2), out=tmp_path, resume=True)


def test_two_runs_at_once_do_not_share_a_folder(scene_dataset: LabDataset, tmp_path: Path) -> None:
    def start_another(_: History) -> None:
        with pytest.raises(ValueError, match=r"out: .* another run is in .* right now"):
            run(scene_dataset, out=tmp_path, resume=True)
        raise RuntimeError("the end of the first")

    with pytest.raises(RuntimeError, match="the end of the first") as kept:  # as notebooks keep it
        run(scene_dataset, out=tmp_path, on_epoch=start_another)
    assert len(run(scene_dataset, out=tmp_path, resume=True).rows) == CONFIG.epochs
    assert kept.tb


def test_one_cycle() -> None:
    rates = [learning_rate_at(step, 100, CONFIG) for step in range(100)]
    peak = rates.index(max(rates))
    assert peak in (19, 20)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert max(rates) == CONFIG.learning_rate
    assert rates[-1] < 0.01 * CONFIG.learning_rate


def test_regression_loss_is_the_l2_loss() -> None:
    net = ColorizationNet(0.05).eval()
    L, ab = torch.rand(2, 1, 16, 16) * 100, torch.randn(2, 2, 16, 16) * 20
    expected = (net(L) - ab).square().mean() / 110**2
    assert torch.allclose(colorization_loss(net, net.logits(L), ab), expected)


def test_a_loss_that_is_no_number_stops_the_run(
    scene_dataset: LabDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def no_number(*inputs: object) -> torch.Tensor:
        calls.append(inputs)
        return colorization_loss(*inputs) * (float("nan") if len(calls) == 9 else 1)

    monkeypatch.setattr(losses, "colorization_loss", no_number)
    with pytest.raises(FloatingPointError, match="epoch 2, step 3") as error:
        run(scene_dataset, out=tmp_path)
    generator = torch.Generator().manual_seed(1_000_003 * CONFIG.seed + 1)
    third = torch.randperm(48, generator=generator)[16:24].tolist()
    assert all(f"scene {number}" in str(error.value) for number in third)
    monkeypatch.undo()
    assert len(run(scene_dataset, out=tmp_path, resume=True).rows) == CONFIG.epochs


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"width": -1.0},
        {"width": float("nan")},
        {"size": 20},
        {"seed": -1},
        {"head": "both"},
    ],
)
def test_bad_configs(change: dict) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(CONFIG, **change)


def test_pictures_and_folders_that_do_not_fit(scene_dataset: LabDataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected size 64, got 32"):
        run(scene_dataset, replace(CONFIG, size=64))
    empty = LabDataset(torch.empty(0, 3, 32, 32), [], Report())
    with pytest.raises(ValueError, match="at least one picture"):
        run(empty)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="expected a folder that can be written"):
        run(scene_dataset, out=tmp_path / "file")


def test_a_folder_with_a_run_is_refused_before_anything_is_read(
    scene_dataset: LabDataset, tmp_path: Path
) -> None:
    run(scene_dataset, out=tmp_path)
    with pytest.raises(ValueError, match="expected a folder without a run"):
        fit(replace(CONFIG, data="no such folder"), out=tmp_path, progress=False)


def test_a_foreign_last_state_is_refused(scene_dataset: LabDataset, tmp_path: Path) -> None:
    run(scene_dataset, out=tmp_path)
    (tmp_path / "best.safetensors").replace(tmp_path / "last.safetensors")
    (tmp_path / "previous.safetensors").unlink()
    with pytest.raises(ValueError, match="expected the state of a run"):
        run(scene_dataset, out=tmp_path, resume=True)


@pytest.mark.parametrize("damage", ["torn", "foreign", "gone"])
def test_the_state_before_the_last_is_used(
    damage: str, scene_dataset: LabDataset, tmp_path: Path
) -> None:
    whole = run(scene_dataset, out=tmp_path)
    last = tmp_path / "last.safetensors"
    content = {"torn": last.read_bytes()[:-99], "foreign": b"hello"}.get(damage)
    if content is None:
        last.unlink()
        resumed = run(scene_dataset, out=tmp_path, resume=True)
    else:
        last.write_bytes(content)
        with pytest.warns(UserWarning, match=r"last.safetensors: .*previous.safetensors"):
            resumed = run(scene_dataset, out=tmp_path, resume=True)
    assert resumed.rows[-1]["val_mse"] == whole.rows[-1]["val_mse"]
    assert resumed.rows[-1]["train_loss"] == whole.rows[-1]["train_loss"]


def test_a_full_disk_leaves_the_state_before(
    scene_dataset: LabDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, write = run(scene_dataset), weights.write_atomic

    def full(path: Path, content: bytes) -> None:
        if path.name == "next.safetensors" and (tmp_path / "previous.safetensors").exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(weights, "write_atomic", full)
    with pytest.raises(OSError, match="No space left"):
        run(scene_dataset, out=tmp_path)
    monkeypatch.undo()
    resumed = run(scene_dataset, out=tmp_path, resume=True)
    assert [row["val_mse"] for row in resumed.rows] == [row["val_mse"] for row in whole.rows]


def test_other_pictures_are_refused(scene_dataset: LabDataset, tmp_path: Path) -> None:
    run(scene_dataset, out=tmp_path)
    kept = (tmp_path / "last.safetensors").read_bytes()
    changed = LabDataset(
        scene_dataset.lab + 1, scene_dataset.names, Report(used=48), scene_dataset.l2_floor
    )
    with pytest.raises(ValueError, match="have changed"):
        run(changed, out=tmp_path, resume=True)
    assert (tmp_path / "last.safetensors").read_bytes() == kept


def test_a_long_epoch_is_saved_on_the_way(
    scene_dataset: LabDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epoch, "SAVE_SECONDS", 0)
    whole = run(scene_dataset)
    steps = []

    def save(history: History, *state: object) -> None:
        save_run(history, *state)
        steps.append(state[1].step)
        if len(steps) == 10:  # in the middle of the second epoch
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "save_run", save)
    assert len(run(scene_dataset, out=tmp_path).rows) == 1
    assert steps[-1] > 0
    resumed = run(scene_dataset, out=tmp_path, resume=True)
    for name in ("train_loss", "val_mse", "gradient_norm"):
        assert [row[name] for row in resumed.rows] == [row[name] for row in whole.rows]


def test_ctrl_c_ends_the_step_and_saves(
    scene_dataset: LabDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(scene_dataset)
    calls = []

    def interrupted(*inputs: object) -> torch.Tensor:
        calls.append(inputs)
        if len(calls) == 9:
            signal.raise_signal(signal.SIGINT)
        return colorization_loss(*inputs)

    monkeypatch.setattr(losses, "colorization_loss", interrupted)
    assert len(run(scene_dataset, out=tmp_path).rows) == 1
    assert len(calls) == 9  # it did not go on
    monkeypatch.undo()
    resumed = run(scene_dataset, out=tmp_path, resume=True)
    assert [row["val_mse"] for row in resumed.rows] == [row["val_mse"] for row in whole.rows]


def test_a_diverged_epoch_is_no_best_epoch(scene_dataset: LabDataset, tmp_path: Path) -> None:
    config = replace(CONFIG, learning_rate=1000.0, gradient_clip=1e9, batch_size=64)
    with pytest.raises(FloatingPointError, match="learning rate below 1000"):
        run(scene_dataset, replace(config, epochs=40), out=tmp_path)


def test_what_is_left_after_ctrl_c_is_ready_to_use(scene_dataset: LabDataset) -> None:
    def interrupt(history: History) -> None:
        raise KeyboardInterrupt

    history = run(scene_dataset, on_epoch=interrupt)
    assert not history.model.training
    assert history.model.size == 32
    assert len(history.rows) == 1


def test_files_that_are_no_history(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    with pytest.raises(ValueError, match="no such file"):
        History.load(path)
    for content in ("", "{", json.dumps({"config": {"colour": 1}})):
        path.write_text(content)
        with pytest.raises(ValueError, match="expected a history file"):
            History.load(path)


def test_photographs_grow_to_their_size_and_scenes_keep_it() -> None:
    sizes = [*map(TrainConfig(data="photos", size=64, epochs=40).size_at, range(40))]
    assert sizes[0] == 32 and sizes == sorted(sizes) and set(sizes[30:]) == {64}
    assert {size % 8 for size in sizes} == {0} and max(sizes[:30]) < 64
    for whole in (
        TrainConfig(data="photos", growth=0.0),
        TrainConfig(data="photos", augmented=False),
        TrainConfig(data="scenes"),
    ):
        assert {*map(whole.size_at, range(40))} == {64}
    assert TrainConfig(data="photos", size=16, epochs=2).size_at(0) == 16
    with pytest.raises(ValueError, match="growth: expected 0 to 1"):
        TrainConfig(growth=2.0)


def test_crops_have_the_size_of_their_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def spy(*choice: object, **options: object) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for lightness, ab in batches(*choice, **options):
            seen.append(lightness.shape[-1])
            yield lightness, ab

    for module in (epoch, training):
        monkeypatch.setattr(module, "batches", spy)
    pictures = LabDataset(100 * torch.rand(4, 3, 32, 32).half(), list("abcd"))
    run(pictures, replace(CONFIG, data="photos", epochs=2, growth=0.5))
    assert seen == [16, 32, 32, 32]  # in each epoch a batch to train on, and one to validate on


def step(net: ColorizationNet, optimizer: torch.optim.Optimizer, lab: Tensor) -> float:
    """The training step of lesson 4; returns the loss."""
    loss = F.mse_loss(net(lab[:, :1]) / AB_SCALE, lab[:, 1:] / AB_SCALE)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def test_forty_steps_memorize_one_photo() -> None:
    lab = photo_to_lab(sample_photo("rocket"), (64, 64))[None]
    net = ColorizationNet(width=0.25)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    losses = [step(net, optimizer, lab) for _ in range(41)]
    assert losses[-1] < losses[0] / 8


def test_a_loss_falls_before_the_rate_makes_it_burst() -> None:
    batch = render(range(1000), 32)
    lab = torch.cat((batch.L, batch.ab), dim=1)
    net, losses = ColorizationNet(width=0.25), []
    optimizer = torch.optim.AdamW(net.parameters())
    for rate in torch.logspace(-6, 0, 100)[:75].tolist():
        optimizer.param_groups[0]["lr"] = rate
        losses.append(step(net, optimizer, lab[torch.randint(len(lab), (32,))]))
    assert sum(losses[60:]) / 15 < 0.9 * sum(losses[:20]) / 20


def test_what_l2_learns_is_the_mean_of_all_right_answers() -> None:
    train, val = (load_dataset("scenes", 32, split) for split in ("train", "val"))
    config = TrainConfig(data="scenes", size=32, epochs=2, batch_size=32, learning_rate=2e-3)
    history = fit(config, train, val, device="cpu", progress=False)
    assert history.best["val_mse"] < history.baselines["mean given L"]
    assert history.best["val_mse"] > 0.98 * history.l2_floor
    batch = render(range(4100, 4106), 32)
    with torch.inference_mode():
        painted = history.model(batch.L)
    assert F.mse_loss(painted, batch.expected_ab) < F.mse_loss(painted, batch.ab) / 4

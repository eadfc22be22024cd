"""Checks of lesson 4, L2 training."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from course_utils import scenes
from course_utils.checks.framework import Wrong, call, check, choices, number
from course_utils.colorize import WEIGHTS
from course_utils.network import AB_SCALE, ColorizationNet
from course_utils.photos import SAMPLES
from course_utils.recipe import History


@check("What L2 gets wrong")
def wrong_under_l2(answer: object) -> None:
    """Of lesson 4's six scenes those, from 1, on which the perfect L2 network is most and least
    wrong: {"most": number, "least": number}."""
    batch = scenes.render(range(4106, 4112), size=64)
    errors = (batch.ab - batch.expected_ab).square().mean(dim=(1, 2, 3))
    vivid = torch.hypot(*batch.ab.unbind(1)).mean(dim=(1, 2)).argmax().item() + 1
    right = {"most": errors.argmax().item() + 1, "least": errors.argmin().item() + 1}
    got = choices(answer, tuple(right))
    if got == {"most": right["least"], "least": right["most"]}:
        raise Wrong("it is the other way round.")
    for which, scene in got.items():
        if scene not in range(1, 7):
            raise Wrong(f"{which}: expected a scene from 1 to 6, got {scene:g}.")
        if scene != right[which]:
            hint = "compare its largest areas, sky and ground, with those of the perfect painting"
            if which == "most" and scene == vivid:
                hint = "this one is the most colorful; which one is the most unlike the mean?"
            raise Wrong(
                f"{which}: scene {scene:g} has MSE(ab) {errors[int(scene) - 1]:.0f}, and another "
                f"has {'more' if which == 'most' else 'less'}. Hint: {hint}."
            )


@check("The training step")
def training_step(answer: Callable) -> None:
    """A function (model, optimizer, L, ab) that makes one step and returns the loss."""

    def start() -> tuple[ColorizationNet, torch.optim.SGD, torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = ColorizationNet(width=0.05)
        lightness = torch.rand(4, 1, 32, 32, generator=generator) * 100
        ab = torch.randn(4, 2, 32, 32, generator=generator) * 30
        return model, torch.optim.SGD(model.parameters(), lr=0.02), lightness, ab

    def after(step: Callable, times: int) -> tuple[torch.Tensor, float]:
        model, optimizer, lightness, ab = start()
        for _ in range(times):
            loss = call(step, model, optimizer, lightness, ab)
            if isinstance(loss, torch.Tensor) and loss.requires_grad:
                raise Wrong(
                    "expected a number, got a tensor that keeps the whole graph of the step in "
                    "memory. Hint: return loss.item()."
                )
        return model.model1[0].weight.detach().clone(), number(loss)

    def reference(model: nn.Module, optimizer: torch.optim.Optimizer, L, ab, scale=AB_SCALE):
        loss = ((model(L) - ab) / scale).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    untouched = start()[0].model1[0].weight
    weights, loss = after(answer, 1)
    expected, expected_loss = after(reference, 1)
    if torch.equal(weights, untouched):
        raise Wrong(
            "the weights did not change. Hint: loss.backward() computes the gradient, "
            "optimizer.step() follows it, and zero_grad() must not stand between them."
        )
    if not np.isclose(loss, expected_loss, rtol=1e-3):
        ratio = loss / expected_loss
        hint = (
            "divide both ab by 110 before the loss, so that it is of size 1"
            if np.isclose(ratio, AB_SCALE**2, rtol=0.01)
            else "the mean of the squared differences of ab / 110"
        )
        raise Wrong(f"expected the loss {expected_loss:.4f}, got {loss:.4f}. Hint: {hint}.")

    def is_near(got: torch.Tensor, right: torch.Tensor) -> bool:
        """Whether the difference is under 5 % of the weights' change."""
        return bool((got - right).norm() < 0.05 * (right - untouched).norm())

    if not is_near(weights, expected):
        raise Wrong("the loss is right, the step is not. Hint: one backward, one step.")
    if not is_near(after(answer, 3)[0], after(reference, 3)[0]):
        raise Wrong(
            "the first step is right, the third is not. Hint: gradients add up until "
            "optimizer.zero_grad() clears them."
        )


@check("Three broken loops")
def broken_loops(answer: object) -> None:
    """Which of the six bugs that lesson 4 lists each of the loops A, B and C has."""
    why_not = {
        1: "backward() is called in every step of this loop",
        2: "zero_grad() is called in every step of this loop",
        3: "a step follows each backward() in this loop, not the other way round",
        4: "eval() is called before this loop measures",
        5: "where this loop measures, both sides of the difference are in CIE units",
        6: "this loop measures on val, not on train",
    }
    symptom = {
        "A": "its error jumps up and down. What is still in the gradient from the step before?",
        "B": "it measures one picture at a time, and is worse than it should be. Over what does "
        "BatchNorm take its means there?",
        "C": "its error never leaves that of gray. Which unit has each side of the difference?",
    }
    right = {"A": 2, "B": 4, "C": 5}
    for loop, bug in choices(answer, tuple(right)).items():
        if bug not in why_not:
            raise Wrong(f"{loop}: expected one of 1 to 6, got {bug:g}.")
        if bug != right[loop]:
            raise Wrong(f"{loop} has no bug {bug:g}: {why_not[bug]}. Hint: {symptom[loop]}")


@check("Which epoch would you keep?")
def kept_epoch(answer: object) -> None:
    """Three epochs of the landscapes run: {"bluest sky": .., "lowest error": .., "patience of 5":
    ..}, where the last is the one after which the run would have stopped."""
    history = History.load(WEIGHTS / "landscapes.jsonl")
    errors = [row["val_mse"] for row in history.rows]
    answers = np.load(WEIGHTS / "landscapes.epochs.npz")["ab"]  # (epochs, photos, 2, 16, 16)
    blue = answers[:, list(SAMPLES).index("rocket"), 1, :5].mean(axis=(1, 2))  # b of the sky
    best = history.best["epoch"]
    stops = {patience: _stop(errors, patience) for patience in (4, 5, 6)}
    right = {
        "bluest sky": int(blue.argmin()) + 1,
        "lowest error": best,
        "patience of 5": stops[5],
    }
    last = len(errors)
    hints = {
        ("bluest sky", last): "the last epoch is not the bluest; go through all of them",
        ("bluest sky", best): "the epoch of the lowest error is not the bluest",
        ("lowest error", last): "the last epoch is not the best one, though nearly",
        ("lowest error", right["bluest sky"]): "one blue sky is not all of validation",
        ("patience of 5", stops[5] - 5): "that is the best epoch so far; five more are waited for",
        ("patience of 5", stops[4]): "this is a patience of 4",
        ("patience of 5", stops[5] + 1): "it stops after the fifth of them, not one later",
        ("patience of 5", last): "long before, five in a row are no better than the best so far",
    }
    for name, epoch in choices(answer, tuple(right)).items():
        if epoch not in range(1, last + 1):
            raise Wrong(f"{name}: expected an epoch from 1 to {last}, got {epoch:g}.")
        if epoch != right[name]:
            hint = hints.get((name, epoch), "move the slider, and read the sentence under it")
            raise Wrong(f"{name}: expected another epoch than {epoch:g}. Hint: {hint}.")


def _stop(errors: list[float], patience: int) -> int:
    """The epoch, from 1, at which early stopping with this patience ends, or the last one."""
    best = 0
    for epoch, error in enumerate(errors):
        if error < errors[best]:
            best = epoch
        elif epoch - best == patience:
            return epoch + 1
    return len(errors)

"""Checks of lesson 4, L2 training."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from course_utils.checks.framework import Wrong, call, check, choices, compare, number, pair
from course_utils.network import AB_SCALE, ColorizationNet


@check("The best answer under L2")
def l2_answer(answer: object) -> None:
    """The ab that L2 likes best for a flower: red (60, 40) in 1 of 4, blue (10, -50) in 3."""
    compare(
        torch.as_tensor(pair(answer), dtype=torch.float64),
        torch.tensor([22.5, -27.5], dtype=torch.float64),
        {
            "this is the more frequent color; L2 wants the mean": torch.tensor([10.0, -50.0]),
            "weigh the colors by how often they occur": torch.tensor([35.0, -5.0]),
            "the weights are exchanged": torch.tensor([47.5, 17.5]),
            "gray is not the mean of these two": torch.tensor([0.0, 0.0]),
        },
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
        """Nearer than a twentieth of the way that was gone."""
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


@check("Early stopping")
def early_stopping(answer: Callable) -> None:
    """A function (val_losses, patience) that says after which epoch, from 1, training stops."""
    cases = (
        ([9.0, 7.0, 8.0, 6.0, 6.5, 5.0, 5.5, 5.4, 5.3, 5.2, 4.0], 3),
        ([5.0, 6.0, 4.0, 6.0, 3.0, 6.0, 2.0, 6.0, 7.0, 8.0], 2),
        ([5.0, 4.0, 3.0, 2.0], 2),
    )
    for losses, patience in cases:
        since_best = _epochs_since_best(losses)
        expected = _first(since_best, patience)
        got = number(call(answer, list(losses), patience))
        if got == expected:
            continue
        seen = losses[:expected]
        rises = [min(losses[:n], default=9e9) <= losses[n] for n in range(len(losses))]
        in_a_row = _epochs_since_best(losses, beside=1)
        hints = {
            1 + seen.index(min(seen)): "that is the best epoch; training goes on for a while",
            _first(in_a_row, patience): "compare with the best epoch so far, not the one before",
            _first(np.cumsum(rises), patience): "a new best starts the counting again",
            expected - 1: "epochs are counted from 1",
            expected + 1: "stop as soon as `patience` epochs brought no new best, not one later",
        }
        hint = hints.get(got, "count the epochs since the best one; at `patience` it stops")
        raise Wrong(
            f"for {losses} and patience {patience}: expected a stop after epoch {expected}, "
            f"got {got:g}. Hint: {hint}."
        )


def _epochs_since_best(losses: list[float], beside: int | None = None) -> list[int]:
    """For each epoch, how many in a row were no better than the best of all, or of the last few."""
    counts: list[int] = []
    for epoch, loss in enumerate(losses):
        before = losses[:epoch] if beside is None else losses[max(0, epoch - beside) : epoch]
        counts.append(counts[-1] + 1 if before and loss >= min(before) else 0)
    return counts


def _first(counts: list[int], patience: int) -> int:
    """The epoch, from 1, whose count reaches the patience, or the last one."""
    return next((n for n, count in enumerate(counts, 1) if count >= patience), len(counts))

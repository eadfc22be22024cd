"""Checks of lesson 8, your own photos and bigger machines."""

import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import torch

from course_utils.checks.framework import Wrong, call, check, compare, number


@check("A faded print")
def stretched(answer: Callable) -> None:
    """A function from a gray picture (H, W) to the same, its 1st and 99th percentile at 0 and 1."""
    picture = 0.3 + 0.3 * np.random.default_rng(0).beta(2, 3, (60, 80))
    low, high = np.percentile(picture, (1, 99))
    free = (picture - low) / (high - low)
    least, most = picture.min(), picture.max()
    compare(
        _array(call(answer, picture.copy())),
        torch.from_numpy(free.clip(0, 1)),
        {
            "clip to 0..1: what lies outside the percentiles leaves the range": _tensor(free),
            "these are the least and the largest value; one speck of dust decides about them": (
                _tensor((picture - least) / (most - least))
            ),
            "np.percentile counts from 0 to 100: 1 and 99, not 0.01 and 0.99": (
                _tensor(_between(picture, np.percentile(picture, (0.01, 0.99))))
            ),
            "divide by the difference of the two percentiles": _tensor((picture - low).clip(0, 1)),
            "divide by high - low, not by high": _tensor(((picture - low) / high).clip(0, 1)),
            "take the 1st percentile off before you divide": (
                _tensor((picture / (high - low)).clip(0, 1))
            ),
            "this is 255 times as much; the picture goes from 0 to 1": (
                _tensor(255 * free.clip(0, 1))
            ),
        },
    )


@check("The border of a print")
def trimmed(answer: Callable) -> None:
    """A function from a gray picture (H, W) to the same without its uniform border."""
    inside = np.random.default_rng(1).random((30, 50))
    inside[[12, 17]] = inside[:, [20, 30]] = 0.9  # uniform, and no border
    picture = np.pad(inside, ((3, 5), (4, 7)), constant_values=0.9)
    got = _array(call(answer, picture.copy()))
    if got.shape == (30, 50) and np.allclose(got, inside):
        if np.shape(call(answer, inside.copy())) != (30, 50):
            raise Wrong("a picture that has no border should come back whole.")
        return
    hints = {
        (38, 61): "this is the whole picture",
        (28, 48): "a uniform row inside is no border: slice from the first to the last other one",
        (29, 49): "a slice ends before its last number: add 1 to the last row and column",
        (35, 57): "the border is below and at the right, too",
        (30, 57): "the border is at the right, too",
        (35, 50): "the border is below, too",
        (30, 61): "the columns have a border, too",
        (38, 50): "the rows have a border, too",
        (29, 50): "a slice ends before its last number: add 1 to the last row",
        (34, 30): "np.ptp(gray, axis=1) is one number for each row, axis=0 for each column",
        (50, 30): "rows and columns are swapped",
        (31, 51): "that is one row and one column too much",
    }
    hint = hints.get(got.shape, "find the first and the last row that is no border, then slice")
    raise Wrong(f"expected shape (30, 50), the inside, got {got.shape}. Hint: {hint}.")


@check("The price of a step")
def all_reduce_seconds(answer: Callable) -> None:
    """A function (gradient bytes, processes, bytes a second) to the seconds of a ring."""
    size, speed = 1.2e8, 2.5e10
    for processes in (6, 2, 64):
        ring = 2 * (processes - 1) / processes * size / speed
        compare(
            torch.tensor(number(call(answer, size, processes, speed)) * 1e3),
            torch.tensor(ring * 1e3),
            {
                "the ring goes round twice: once to add, once to hand out": _milli(ring / 2),
                "only a part travels at a time: divide by the number of processes": (
                    _milli(ring * processes)
                ),
                "the part that is one's own need not travel: N - 1 of N parts": (
                    _milli(2 * size / speed)
                ),
                "the bandwidth is in bytes already": _milli(8 * ring),
                "divide by the bandwidth": _milli(ring * speed),
                "in seconds, not in milliseconds": _milli(1e3 * ring),
            },
            tolerance=1e-6,
        )


@check("Shards for everyone")
def my_shards(answer: Callable) -> None:
    """A function (shards, rank, world) to the shards that a process reads."""
    for count, world in ((12, 4), (10, 4), (3, 2)):
        shards = [f"photos-{number:05}.tar" for number in range(count)]
        parts = [list(call(answer, list(shards), rank, world)) for rank in range(world)]
        every = Counter(shard for part in parts for shard in part)
        where = f"{count} shards, {world} processes"
        if not set(every) <= set(shards):
            raise Wrong(f"{where}: expected names of the list, got {next(iter(every))!r:.60}.")
        if all(part == shards for part in parts):
            raise Wrong(f"{where}: every process reads all of them. Hint: `rank` tells which.")
        if missing := [shard for shard in shards if shard not in every]:
            hint = (
                "count // world leaves a remainder; a slice with a step, [rank::world], does not"
                if count % world
                else "ranks go from 0 to world - 1"
            )
            raise Wrong(f"{where}: nobody reads {missing[0]}. Hint: {hint}.")
        if twice := [shard for shard in shards if every[shard] > 1]:
            raise Wrong(f"{where}: {twice[0]} is read by {every[twice[0]]} processes.")
        sizes = sorted(map(len, parts))
        if sizes[-1] - sizes[0] > 1:
            raise Wrong(
                f"{where}: one reads {sizes[-1]}, another {sizes[0]}; all wait for the slowest. "
                "Hint: deal them out one by one."
            )


@check("The card of my network")
def card(answer: object) -> None:
    """A network's card in Markdown, as `my_network.network_card` writes it."""
    if not isinstance(answer, str):
        raise Wrong(f"expected the card as text, got {type(answer).__name__}.")
    rows = dict(re.findall(r"^\| ([^|]+) \| (.*) \|$", answer, re.MULTILINE))
    for name in ("data", "pictures", "training", "use", "limits", "gray"):
        if name not in rows:
            hints = {"gray": "an error says little until one knows that of leaving it gray"}
            hint = hints.get(name, "network_card writes it; keep its text whole")
            raise Wrong(f"the card has no row {name!r}. Hint: {hint}.")
    network = rows.get("mine", rows.get("photographs", ""))
    if not re.match(r"\d+ \(\d+ to \d+\)", network):
        raise Wrong("the network's error has no interval. Hint: other pictures would give another.")
    if "minutes" not in rows["training"] and "none yet" not in rows["training"]:
        raise Wrong("how long was it trained? Hint: say the minutes.")
    said = {name: len(re.findall(r"\w+", rows[name])) for name in ("data", "use", "limits")}
    if said["data"] < 4:
        raise Wrong("data: whose photographs are they? Hint: say also by what right you use them.")
    if said["use"] < 4:
        raise Wrong("use: what is it for? Hint: name the photographs that it should colorize.")
    if said["limits"] < 6:
        raise Wrong("limits: every network has some. Hint: name pictures on which yours is wrong.")
    words = f"{rows['use']} {rows['limits']}".lower()
    if re.search(
        r"restores?\b|brings? back|\b(show|gives?|finds?) the (true|real|original)", words
    ):
        raise Wrong("it promises true colors. Hint: L does not tell them; the network guesses.")
    if "guess" not in words:
        raise Wrong(
            "who reads this card may take its colors for facts. Hint: say they are guesses."
        )


def _array(value: object) -> np.ndarray:
    return np.asarray(value.detach() if isinstance(value, torch.Tensor) else value, dtype=float)


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array)


def _between(picture: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return ((picture - ends[0]) / (ends[1] - ends[0])).clip(0, 1)


def _milli(seconds: float) -> torch.Tensor:
    return torch.tensor(1e3 * seconds)

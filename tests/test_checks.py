"""Each check meets the right answer, other right ways to write it, and the usual mistakes."""

import hashlib
import random
import re
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import skimage.color
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from course_utils import bins, checks, color
from course_utils.checks import framework
from course_utils.checks.hints import HINTS
from course_utils.figures.dilated_cnn import WAYS as PICTURES
from course_utils.hints import Hint
from course_utils.photos import sample_photo
from course_utils.plumbing import lessons
from course_utils.plumbing.lessons import LESSON_SECONDS

HORIZON = {"A": "conv5_2", "B": "none", "C": "conv5_3"}
WAYS = {"A": 3, "B": 4, "C": 2, "D": 1}
COSTS = {"half the width": (1 / 4, 1 / 4), "half the side": (1, 1 / 4), "dilation 4": (1, 1)}


def stretch(gray, low=1, high=99, percentile=np.percentile, clip=True):
    low, high = percentile(gray, (low, high))
    free = (gray - low) / (high - low)
    return free.clip(0, 1) if clip else free


def trim(gray, by=0.1, end=1, rows=True, columns=True):
    def kept(axis):
        inside = np.flatnonzero(np.ptp(gray, axis=axis) > by)
        return slice(inside[0], inside[-1] + end)

    whole = slice(None)
    return gray[kept(1) if rows else whole, kept(0) if columns else whole]


def stretch_by_high(gray):
    low, high = np.percentile(gray, (1, 99))
    return ((gray - low) / high).clip(0, 1)


def swapped_axes(gray):
    rows, columns = (np.flatnonzero(np.ptp(gray, axis=axis) > 0.1) for axis in (0, 1))
    return gray[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def trim_by_loop(gray):
    top = left = 0
    bottom, right = gray.shape
    while np.ptp(gray[top]) < 0.1:
        top += 1
    while np.ptp(gray[bottom - 1]) < 0.1:
        bottom -= 1
    while np.ptp(gray[:, left]) < 0.1:
        left += 1
    while np.ptp(gray[:, right - 1]) < 0.1:
        right -= 1
    return gray[top:bottom, left:right]


def masked(gray):
    return gray[np.ptp(gray, axis=1) > 0.1][:, np.ptp(gray, axis=0) > 0.1]


def ring(size, processes, speed):
    return 2 * (processes - 1) / processes * size / speed


WORSE = {
    "astronaut": "gray",
    "cat": "gray",
    "coffee": "network",
    "rocket": "gray",
    "motorcycle": "network",
    "china": "gray",
    "flower": "network",
    "grace_hopper": "gray",
}


def upper_b(model, L, turned, channel=1, back=True, side=2):
    ab = model(L.flip(side) if turned else L)
    if turned and back:
        ab = ab.flip(side)
    return ab[0, channel, : L.shape[2] // 3].mean()


def step(model, optimizer, L, ab, zero=True, scale=110, go=True):
    loss = F.mse_loss(model(L) / scale, ab / scale)
    if zero:
        optimizer.zero_grad()
    loss.backward()
    if go:
        optimizer.step()
    return loss.item()


def vivid(rgb: torch.Tensor, weight: float = 0.3, square: bool = True) -> float:
    red, green, blue = np.asarray(rgb)
    rg, yb = red - green, (red + green) / 2 - blue
    mean = np.hypot(rg.mean(), yb.mean()) if square else 0
    return np.sqrt(rg.var() + yb.var()) + weight * mean


def vivid_by_torch(rgb: torch.Tensor) -> torch.Tensor:
    rg, yb = rgb[0] - rgb[1], (rgb[0] + rgb[1]) / 2 - rgb[2]
    return (rg.var() + yb.var()).sqrt() + 0.3 * (rg.mean() ** 2 + yb.mean() ** 2).sqrt()


def unmended(rgb: torch.Tensor) -> torch.Tensor:
    red, green, blue = rgb
    rg, yb = (red - green).abs(), ((red + green) / 2 - blue).abs()
    return rg.std() + yb.std() + 0.3 * (rg.mean() ** 2 + yb.mean() ** 2) ** 0.5


def sum_of_roots(rgb: torch.Tensor) -> torch.Tensor:
    rg, yb = rgb[0] - rgb[1], (rgb[0] + rgb[1]) / 2 - rgb[2]
    return rg.std() + yb.std() + 0.3 * (rg.mean() ** 2 + yb.mean() ** 2).sqrt()


def lab_by_hand(
    rgb: torch.Tensor,
    decode=color.srgb_decode,
    f=color.lab_f,
    white=(0.95047, 1.0, 1.08883),
    matrix=color.SRGB_TO_XYZ,
) -> torch.Tensor:
    """The conversion as a learner writes it, with room for a mistake."""
    linear = decode(rgb).flatten(1)
    xyz = (torch.tensor(matrix) @ linear).reshape(rgb.shape)
    x, y, z = (f(plane / w) for plane, w in zip(xyz, white, strict=True))
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)))


def decode_in_place(encoded: torch.Tensor) -> torch.Tensor:
    dark = encoded <= 0.04045
    encoded[~dark] = ((encoded[~dark] + 0.055) / 1.055) ** 2.4
    encoded[dark] /= 12.92
    return encoded


def cheating(encoded: torch.Tensor) -> torch.Tensor:
    encoded.zero_()
    return color.srgb_decode(encoded)


def with_luma(rgb: torch.Tensor) -> torch.Tensor:
    lab = lab_by_hand(rgb)
    lab[0] = 100 * (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2])
    return lab


def no_return(encoded: torch.Tensor) -> None:
    color.srgb_decode(encoded)


EPOCHS = {"bluest sky": 19, "lowest error": 37, "patience of 5": 15}


def cleared_too_late(model, optimizer, L, ab):
    loss = F.mse_loss(model(L) / 110, ab / 110)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def step_with_graph(model, optimizer, L, ab):
    loss = F.mse_loss(model(L) / 110, ab / 110)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


DOUBLES = {
    "renamed": "content",
    "smaller": "look",
    "brighter": "look",
    "mirrored": "nothing",
    "piece": "nothing",
}
CARD = """# The card of my network

| | |
|---|---|
| network | width 0.5, regression, 8,083,147 parameters |
| data | 300 photographs of our garden, taken by me |
| pictures | 270 to train on, 30 to validate |
| training | went on from `photographs`: 8 epochs, 2.1 minutes |
| use | old photographs of our garden |
| limits | Its colors are guesses, and flowers that are rare come out green. |

| | MSE(ab) (95 %) | AuC % |
|---|---|---|
| mine | 249 (96 to 363) | 88.36 |
| photographs | 422 (160 to 644) | 85.32 |
| gray | 403 (165 to 599) | 85.33 |
"""


def card_with(name: str, text: str) -> str:
    return re.sub(rf"^\| {name} \| .* \|$", f"| {name} | {text} |", CARD, flags=re.MULTILINE)


BLUES = [[32, 78, -106], [32, 72, -98]]
SUIT, PATCH = {"L": 57.5, "a": 43.7, "b": 41.8}, {"x": 1, "y": 2, "L": 57.3, "a": 28.5, "b": -39.6}


COFFEE = [
    Hint(0.23, 0.3, "#ac2b10"),
    Hint(0.73, 0.44, "#b22d11"),
    Hint(0.44, 0.39, "#eb983b"),
]


ABOUT = (Hint(0.23, 0.3, "#b04020"), Hint(0.73, 0.44, "#b04020"), Hint(0.44, 0.39, "#e0a050"))


def weigh(level, around, sigma, two=2, power=2, sign=-1, share=True):
    weights = torch.exp(sign * (around - level).abs() ** power / (two * sigma**2))
    return weights / weights.sum() if share else weights


def row_of(weights, pixel, hint):
    row = torch.zeros_like(weights)
    row[pixel] = 1
    return (row - weights, 0.0) if hint is None else (row, hint)


class Pairs:
    """The Dataset of lesson 2 as a learner writes it; `spoil` is the mistake."""

    def __init__(self, files, size):
        self.files, self.size = files, size

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        image = Image.open(self.files[index]).convert("RGB").resize((self.size, self.size))
        rgb = torch.from_numpy(np.array(image)).permute(2, 0, 1)
        return self.spoil(color.rgb_to_lab(rgb), rgb)

    def spoil(self, lab, rgb):
        return lab[:1], lab[1:]


def spoiled(spoil) -> type:
    return type("Spoiled", (Pairs,), {"spoil": staticmethod(spoil)})


class OneMore(Pairs):
    def __len__(self):
        return len(self.files) + 1


class StillGray(Pairs):
    def __getitem__(self, index):
        image = Image.open(self.files[index]).resize((self.size, self.size))
        lab = color.rgb_to_lab(torch.from_numpy(np.array(image)).permute(2, 0, 1))
        return lab[:1], lab[1:]


class NoPair(Pairs):
    def __getitem__(self, index):
        return Image.open(self.files[index]).convert("RGB").resize(self.size)


class NearestPixel(Pairs):
    def __getitem__(self, index):
        image = Image.open(self.files[index]).convert("RGB")
        image = image.resize((self.size, self.size), Image.Resampling.NEAREST)
        lab = color.rgb_to_lab(torch.from_numpy(np.array(image)).permute(2, 0, 1))
        return lab[:1], lab[1:]


class NotResized(Pairs):
    def __getitem__(self, index):
        image = Image.open(self.files[index]).convert("RGB")
        lab = color.rgb_to_lab(torch.from_numpy(np.array(image)).permute(2, 0, 1))
        return lab[:1], lab[1:]


relu = nn.ReLU()


def block_of(inputs, outputs, strides=(1, 1, 2), padding=1, norms=1, first="relu", kernel=3):
    modules = []
    for stride in strides:
        modules += [nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.ReLU()]
        inputs = outputs
    modules += [nn.BatchNorm2d(outputs)] * norms
    if first == "norm":
        modules[-2:] = modules[:-3:-1]
    return nn.Sequential(*modules)


def soft(color, centers, sigma=5.0, keep=5, largest=False, power=2, two=2, norm=True):
    distance = (centers - color).norm(dim=1)
    index = distance.topk(keep, largest=largest).indices
    weights = torch.zeros_like(distance)
    weights[index] = torch.exp(-(distance[index] ** power) / (two * sigma**2))
    return weights / weights.sum() if norm else weights


def annealed(chance, centers, T, norm=True):
    sharp = (chance.double() ** (1 / T)).float()
    return (sharp / sharp.sum() if norm else sharp) @ centers


def broken_soft(color, centers, largest=True, power=1, by_sum=False):
    distance = (centers - color).norm(dim=1)
    nearest = distance.topk(5, largest=largest).indices
    weights = torch.zeros(len(centers))
    weights[nearest] = torch.exp(-(distance[nearest] ** power) / (2 * 5**2))
    return weights / (weights.sum() if by_sum else 5)


CALLS = count()


def is_val(name: str, content: bytes) -> bool:
    return hashlib.sha256(content).digest()[0] < 26


ENDINGS = ("jpg", "jpeg", "png", "webp")
RIGHT = {
    "card": [CARD, CARD.replace("| mine | 249 (96 to 363) | 88.36 |\n", "")],
    "what_is_guessed": ["ab", "a, b", "b and a", ("a", "b"), ["b", "a"], "a & b", "AB"],
    "srgb_decode": [
        color.srgb_decode,
        decode_in_place,
        lambda v: color.srgb_decode(v.float()).numpy(),
    ],
    "near_black": [(5.384, 0.0903), [5.4, 0.09], torch.tensor([5.3844, 0.09033])],
    "rgb_to_lab": [
        lab_by_hand,
        color.rgb_to_lab,
        lambda rgb: lab_by_hand(rgb).float().numpy(),
        lambda rgb: skimage.color.rgb2lab(rgb.permute(1, 2, 0)).transpose(2, 0, 1),
    ],
    "lookalikes": [BLUES, np.array(BLUES), [{"L": 32, "a": 78, "b": -106}, BLUES[1]]],
    "same_lightness": [[SUIT, PATCH], [(58, 45, 42), torch.tensor([57.5, 0, -2])]],
    "hue_and_chroma": [
        lambda a, b: (np.degrees(np.arctan2(b, a)) % 360, np.hypot(a, b)),
        lambda a, b: torch.stack((torch.rad2deg(torch.atan2(b, a)) % 360, (a * a + b * b) ** 0.5)),
    ],
    "thresholds": [(3, 4.5), {"keeps one too many": 3.2, "throws out one too many": 4.4}],
    "dataset": [Pairs, spoiled(lambda lab, rgb: (lab[:1].double(), lab[1:].numpy()))],
    "split": [is_val, lambda name, content: int(hashlib.md5(content).hexdigest(), 16) % 10 == 3],
    "doubles": [DOUBLES, {name: word.title() for name, word in DOUBLES.items()}],
    "first_n": [
        lambda files, n: [f for f in files if f.split(".")[-1].lower() in ENDINGS][:n],
        lambda files, n: [Path(f) for f in files if Path(f).suffix.lower()[1:] in ENDINGS][:n],
    ],
    "horizon": [HORIZON, {photo: layer.upper() for photo, layer in HORIZON.items()}],
    "far_sight": [(1, 3, 9), [9, 1, 3], torch.tensor([3, 9, 1])],
    "which_layers": [WAYS, (3, 4, 2, 1), np.array([3, 4, 2, 1])],
    "costs": [COSTS, COSTS | {"half the side": [1.0, 0.25]}],
    "block": [
        block_of,
        lambda i, o: nn.Sequential(block_of(i, o)[:4], block_of(o, o)[4:]),
        lambda i, o: nn.Sequential(
            *[relu if isinstance(m, nn.ReLU) else m for m in block_of(i, o)]
        ),
    ],
    "soft_encoded": [
        soft,
        lambda color, centers: soft(color.double(), centers.double()).numpy(),
        lambda color, centers: bins.soft_encode(color.reshape(1, 2, 1, 1)).flatten(),
    ],
    "annealed_mean": [
        lambda p, c, T: torch.softmax(p.log() / T, 0) @ c,
        lambda p, c, T: annealed(p / p.max(), c, T),
        lambda p, c, T: (torch.softmax(p.log() / T, 0)[:, None] * c).sum(0).numpy(),
    ],
    "counts_most": [
        ["coffee", "motorcycle", "rocket"],
        ("Coffee", "motorcycle ", "rocket"),
        np.array(["coffee", "motorcycle", "rocket"]),
    ],
    "patchy": [
        (2.06, 102.96),
        torch.tensor([2.0591, 102.956]),
        [np.hypot(1, 1.8), 103.0],
        (2, 103),
    ],
    "wrong_under_l2": [{"most": 2, "least": 1}, (2, 1), torch.tensor([2, 1])],
    "training_step": [step],
    "broken_loops": [{"A": 2, "B": 4, "C": 5}, (2, 4, 5), np.array([2.0, 4.0, 5.0])],
    "kept_epoch": [EPOCHS, (19, 37, 15), np.array([19.0, 37.0, 15.0])],
    "auc": [
        lambda e: 1 - e.clamp(max=150).mean() / 150,
        lambda e: np.mean([np.mean(e.numpy() <= t) for t in range(151)]),
    ],
    "worse_of_two": [WORSE, {name: word.upper() for name, word in WORSE.items()}],
    "upper_b": [upper_b, lambda m, L, turned: upper_b(m, L, turned).detach().numpy()],
    "colorfulness": [vivid, lambda rgb: torch.tensor(vivid(rgb)), vivid_by_torch],
    "hint_weights": [
        weigh,
        lambda level, around, sigma: weigh(level, around, sigma).numpy(),
        lambda level, around, sigma: torch.softmax(-((around - level) ** 2) / 2 / sigma**2, 0),
    ],
    "system_row": [
        row_of,
        lambda weights, pixel, hint: [part for part in row_of(weights.double(), pixel, hint)],
    ],
    "three_hints": [COFFEE, ABOUT],
    "stopped_leak": [(20, 35), torch.tensor([19, 36]), [20, 33]],
    "stretched": [
        stretch,
        lambda gray: torch.from_numpy(stretch(gray)).float(),
        lambda gray: stretch(gray, 0.01, 0.99, np.quantile),
    ],
    "trimmed": [trim, trim_by_loop, lambda gray: torch.from_numpy(trim(gray))],
    "all_reduce_seconds": [
        ring,
        lambda size, n, speed: torch.tensor(size / n / speed * (n - 1) * 2),
        lambda size, n, speed: sum(2 * size / n / speed for _ in range(n - 1)),
    ],
    "my_shards": [
        lambda shards, rank, world: shards[rank::world],
        lambda shards, rank, world: [s for n, s in enumerate(shards) if n % world == rank],
        lambda shards, rank, world: np.array_split(shards, world)[rank],
    ],
}

MISTAKES = {
    "card": [
        ({"data": "mine"}, "expected the card as text, got dict"),
        (CARD.replace("| gray |", "| grey |"), "leaving it gray"),
        (CARD.replace("| limits |", "| limit |"), "no row 'limits'"),
        (card_with("mine", "249 | 88.36"), "no interval"),
        (card_with("training", "went on from `photographs`"), "say the minutes"),
        (card_with("data", "?"), "whose photographs"),
        (card_with("use", "photos"), "what is it for"),
        (card_with("limits", "none"), "every network has some"),
        (card_with("use", "restores the colors of old photographs"), "promises true colors"),
        (card_with("limits", "Flowers that are rare come out green"), "say they are guesses"),
    ],
    "what_is_guessed": [
        ("La", "L is lightness"),
        ("L", "L is lightness"),
        ("a", "two of"),
        (3, ""),
    ],
    "srgb_decode": [
        (cheating, "expected"),
        (lambda v: v, "the curve is missing"),
        (lambda v: torch.where(v <= 0.04045, ((v + 0.055) / 1.055) ** 2.4, v / 12.92), "swapped"),
        (lambda v: v**2.2, "power 2.2"),
        (lambda v: ((v + 0.055) / 1.055) ** 2.4, "straight line"),
        (lambda v: torch.where(v > 0.04045, (v + 0.055) / 1.055**2.4, v / 12.92), "brackets"),
        (color.srgb_encode, "the way back"),
        (lambda v: v[:3], "shape"),
        (lambda v: color.srgb_decode(v) if v > 0.5 else v, "torch.where"),
        (no_return, "`return` the result"),
    ],
    "near_black": [
        ((0.0903, 5.384), "exchanged"),
        ((0.0464, 0.00078), "not L yet"),
        ((-10.616, 0.0903), "before and after"),
        ((5.384, 16.09), "value at 0"),
        ((5.384, 5.384), "straight line"),
        ((1.16, 0.0903), "square root"),
        ((0.00387, 0.0903), "not a third"),
        (5.4, "two numbers"),
    ],
    "rgb_to_lab": [
        (lambda rgb: lab_by_hand(rgb, decode=lambda v: v), "decode sRGB"),
        (lambda rgb: lab_by_hand(rgb, decode=lambda v: v**2.2), "power 2.2"),
        (lambda rgb: lab_by_hand(rgb, f=lambda t: t ** (1 / 3)), "straight line"),
        (lambda rgb: lab_by_hand(rgb)[[0, 2, 1]], "swapped"),
        (lambda rgb: lab_by_hand(rgb, white=(0.96422, 1, 0.82521)), "not D65"),
        (lambda rgb: lab_by_hand(rgb, white=(1, 1, 1)), "divided by white"),
        (lambda rgb: lab_by_hand(rgb.flip(0)), "B, G, R"),
        (with_luma, "L is not luma"),
        (lambda rgb: lab_by_hand(rgb) + torch.tensor([16, 0, 0]).reshape(3, 1, 1), "- 16"),
        (lambda rgb: lab_by_hand(rgb) * torch.tensor([1, -1, -1]).reshape(3, 1, 1), "sign"),
        (lambda rgb: lab_by_hand(rgb) / 100, "0 to 100"),
        (lambda rgb: lab_by_hand(rgb, matrix=color.SRGB_TO_XYZ.T), "transposed"),
        (lambda rgb: lab_by_hand(rgb, f=lambda t: t), "f compresses"),
        (lambda rgb: lab_by_hand(rgb / 255), "do not divide by 255"),
        (lambda rgb: lab_by_hand(rgb).permute(1, 2, 0), "shape"),
        (lambda rgb: lab_by_hand(rgb) * torch.tensor([1, -1, 1]).reshape(3, 1, 1), "a has the"),
        (lambda rgb: lab_by_hand(rgb) * torch.tensor([1, 0.4, 2.5]).reshape(3, 1, 1), "500 and"),
        (lambda rgb: lab_by_hand(rgb) / torch.tensor([100, 110, 110]).reshape(3, 1, 1), "±110"),
        (lambda rgb: lab_by_hand(rgb * 255), "do not multiply"),
        (lambda rgb: torch.from_numpy(color.SRGB_TO_XYZ) @ rgb, "tensordot"),
        (lambda rgb: lab_by_hand(rgb) / torch.ones(3), "reshape(3, 1, 1)"),
    ],
    "lookalikes": [
        ([BLUES[0], (32, 75, -102)], "at least 10 apart by CIE76, got 5.0"),
        ([(60, 0, 0), (60, 10, 0)], "most eyes see that"),
        ([(50, 110, -110), BLUES[1]], "stay on the colored part"),
        ([[], BLUES[1]], "keep one before"),
        ([..., BLUES[1]], "keep one before"),
        (BLUES[0], "expected two colors"),
        ([(32, 78), BLUES[1]], "expected 3 numbers"),
        ([("L", "a", "b"), BLUES[1]], "expected one number"),
        (7, "expected two colors, got 7"),
    ],
    "same_lightness": [
        ([SUIT, PATCH | {"L": 80}], "an L at most 1 apart, got 57.5 and 80.0"),
        ([SUIT, SUIT], "at least 60 apart, got 0.0"),
        ([{}, SUIT], "keep one before"),
        (SUIT, "expected two colors"),
        ([{"L": 57}, SUIT], "a: no answer yet"),
    ],
    "hue_and_chroma": [
        (lambda a, b: (torch.atan2(b, a), torch.hypot(a, b)), "radians"),
        (lambda a, b: (torch.rad2deg(torch.atan2(a, b)) % 360, torch.hypot(a, b)), "swapped"),
        (lambda a, b: (torch.hypot(a, b), torch.rad2deg(torch.atan2(b, a)) % 360), "other order"),
        (lambda a, b: (torch.rad2deg(torch.atan2(b, a)), torch.hypot(a, b)), "negative"),
        (lambda a, b: (torch.rad2deg(torch.atan2(b, a)) % 360, a**2 + b**2), "square root"),
        (lambda a, b: 7, "two numbers"),
        (lambda a, b: (torch.rad2deg(torch.atan2(b, a)) % 360, (a**2 + b**2) ** 1 / 2), "** 0.5"),
        (lambda a, b: (torch.rad2deg(torch.atan(b / a)) % 360, torch.hypot(a, b)), "atan2"),
        (lambda a, b: (torch.rad2deg(torch.atan2(b, a)) % 360, a.abs() + b.abs()), "|a| + |b|"),
    ],
    "thresholds": [
        ((4.5, 3), "exchanged"),
        ((4, 4.5), "move it down"),
        ((3, 4), "move it up"),
        ((4.5, 4.5), "the other one"),
        ((1.5, 4.5), "too low"),
        ((3, 8), "too high"),
        ({"keeps one too many": 3}, "is missing"),
    ],
    "dataset": [
        (OneMore, "length of 3"),
        (NotResized, "resize every picture"),
        (StillGray, ".convert('RGB')"),
        (NoPair, "(size, size)"),
        (NearestPixel, "NEAREST"),
        (spoiled(lambda lab, rgb: (lab[1:], lab[:1])), "first the question"),
        (spoiled(lambda lab, rgb: (lab[0], lab[1:])), "keeps the channel"),
        (spoiled(lambda lab, rgb: (lab[:1], lab)), "ab alone"),
        (spoiled(lambda lab, rgb: (lab[:1] / 100, lab[1:] / 100)), "nothing is divided"),
        (spoiled(lambda lab, rgb: (lab[:1], lab[[2, 1]])), "exchanged"),
        (spoiled(lambda lab, rgb: (rgb[:1], rgb[1:])), "convert them to Lab"),
        (spoiled(lambda lab, rgb: lab), "pair (L, ab)"),
        (
            spoiled(lambda lab, rgb: (lab[:1].permute(1, 2, 0), lab[1:].permute(1, 2, 0))),
            "channels come first",
        ),
    ],
    "split": [
        (lambda name, content: random.random() < 0.1, "no dice"),
        (lambda name, content: is_val("", name.encode()), "not by the name"),
        (lambda name, content: hash(content) % 10 == 0, "hashlib"),
        (lambda name, content: content[0] < 26, "whole content"),
        (lambda name, content: content[-1] < 26, "whole content"),
        (lambda name, content: len(content) % 10 == 0, "whole content"),
        (lambda name, content: int.from_bytes(content[:4]) % 10 == 0, "whole content"),
        (lambda name, content: hash(str(content)) % 10 == 0, "hashlib"),
        (lambda name, content: hashlib.sha256(content).hexdigest() % 10 == 0, "int(text, 16)"),
        (lambda name, content: int(hashlib.sha256(content).hexdigest()) % 10 == 0, "int(text, 16)"),
        (lambda name, content, calls=CALLS: next(calls) % 10 == 0, "no dice"),
        (lambda name, content: "val" if is_val(name, content) else "train", "True for validation"),
        (lambda name, content: hashlib.sha256(content).digest()[0] < 128, "about 10 %"),
        (lambda name, content: False, "whole content"),
    ],
    "doubles": [
        (DOUBLES | {"renamed": "look"}, "the name does not count"),
        (DOUBLES | {"renamed": "nothing"}, "the name does not count"),
        (DOUBLES | {"smaller": "content"}, "its bytes are others"),
        (DOUBLES | {"brighter": "nothing"}, "darker and where lighter has not changed"),
        (DOUBLES | {"mirrored": "look"}, "place by place"),
        (DOUBLES | {"piece": "look"}, "place by place"),
        (DOUBLES | {"piece": ...}, "piece: no answer yet"),
        (DOUBLES | {"piece": "hash"}, "content, look or nothing"),
        (["content"] * 5, "expected a dict"),
    ],
    "first_n": [
        (lambda files, n: [f for f in files if f.lower().endswith(ENDINGS)][: n + 1], "one more"),
        (lambda files, n: [f for f in files if f.endswith(ENDINGS)][:n], "lower case"),
        (lambda files, n: [f for f in files if f.lower().endswith(ENDINGS[:3])][:n], "e.webp"),
        (
            lambda files, n: [f for f in files if f.split(".")[1].lower() in ENDINGS][:n],
            "a.png.txt",
        ),
        (lambda files, n: [f for f in files if f.endswith((*ENDINGS, ".PNG"))][:n], "lower case"),
        (lambda files, n: sorted(f for f in files if f.lower().endswith(ENDINGS))[:n], "order"),
        (lambda files, n: files[:n], "jpg_list.csv is no photograph"),
        (lambda files, n: [f for f in files[:n] if f.lower().endswith(ENDINGS)], "then slice"),
    ],
    "horizon": [
        (HORIZON | {"A": "conv4_2"}, "half of it to each side"),
        (HORIZON | {"A": "conv5_1"}, "sees 58 pixels to each side, too few"),
        (HORIZON | {"A": "conv7_3"}, "a layer before it"),
        (HORIZON | {"A": "none"}, "60 pixels to one side"),
        (HORIZON | {"B": "conv8_3"}, "reaches 174 pixels"),
        (HORIZON | {"C": "conv9"}, "name of a layer"),
        ({"A": "conv5_2"}, "B: no answer yet"),
        ("conv5_2", "dict"),
    ],
    "far_sight": [
        ((1, 2, 4), "views overlap"),
        ((1, 1, 1), "sees only 7 of the 27"),
        ((2, 4, 8), "dilation of 1"),
        ((9, 9, 9), "its multiples only"),
        ((1, 3, 10), "misses the one 5 away"),
        ((0, 3, 9), "from 1 to 100"),
        ((1, 3.5, 9), "whole numbers"),
        ((1, 3), "3 numbers"),
    ],
    "which_layers": [
        (WAYS | {"A": 4}, "leaves a checkerboard. Hint: how many rockets"),
        (WAYS | {"B": 2}, "nothing is seen twice"),
        (WAYS | {"C": 3}, "repeat everything"),
        (WAYS | {"D": 3}, "how many pixels share"),
        (WAYS | {"C": 1}, "blocks of one value"),
        (WAYS | {"C": 5}, "expected one of 1 to 4"),
        ({"A": 3}, "B is missing"),
    ],
    "costs": [
        (COSTS | {"half the width": (0.5, 0.5)}, "half as many of both"),
        (COSTS | {"half the width": (0.25, 0.5)}, "half the channels in, and half"),
        (COSTS | {"half the side": (0.25, 0.25)}, "same weights serve any size"),
        (COSTS | {"half the side": (1, 0.5)}, "height and width"),
        (COSTS | {"dilation 4": (2, 1)}, "nine taps as any other"),
        (COSTS | {"dilation 4": (1, 2)}, "only farther apart"),
        ({"half the width": (0.25, 0.25)}, "half the side is missing"),
        (COSTS | {"dilation 4": 1}, "two numbers"),
        (0.25, "dict"),
    ],
    "block": [
        (lambda i, o: block_of(i, o, (1, 2)), "3 convolutions"),
        (lambda i, o: block_of(i, o, (2, 1, 1)), "strides [1, 1, 2]"),
        (lambda i, o: block_of(i, o, padding=0), "padding=1"),
        (lambda i, o: block_of(i, o, norms=0), "one BatchNorm2d"),
        (lambda i, o: block_of(i, o, first="norm"), "after the last ReLU"),
        (lambda i, o: block_of(i, o, kernel=5, padding=2), "kernel sizes"),
        (lambda i, o: nn.Sequential(block_of(i, o, (1, 1, 1)), nn.MaxPool2d(2)), "no pooling"),
        (lambda i, o: block_of(i, i), "channels in [6, 10, 10]"),
        (
            lambda i, o: nn.Sequential(block_of(i, i)[:4], block_of(i, o)[4:]),
            "channels in [6, 10, 10]",
        ),
        (lambda i, o: [nn.ReLU()], "nn.Sequential"),
    ],
    "soft_encoded": [
        (lambda color, centers: soft(color, centers, keep=313), "only the 5 nearest"),
        (lambda color, centers: soft(color, centers, norm=False), "divide by the sum"),
        (lambda color, centers: soft(color, centers, two=1), "the 2 is missing"),
        (lambda color, centers: soft(color, centers, power=1), "square the distance"),
        (lambda color, centers: soft(color, centers, sigma=1e6), "by a Gaussian"),
        (lambda color, centers: soft(color, centers, keep=1), "one bin alone"),
        (lambda color, centers: soft(color, centers, keep=10), "not 10"),
        (lambda color, centers: soft(color, centers, sigma=5**0.5), "sigma is squared"),
        (lambda color, centers: soft(color, centers, largest=True), "largest=False"),
        (lambda color, centers: broken_soft(color, centers, power=2), "largest=False"),
        (lambda color, centers: broken_soft(color, centers, by_sum=True), "largest=False"),
        (lambda color, centers: broken_soft(color, centers, largest=False), "divide by the sum"),
        (lambda color, centers: soft(color, centers).topk(5).values, "among 308 zeros"),
        (lambda color, centers: color, "shape (313,)"),
    ],
    "annealed_mean": [
        (annealed, "0 / 0 has no value"),
        (lambda p, c, T: annealed(p, c, T, norm=False), "divide by their sum"),
        (lambda p, c, T: annealed(p, c, 1 / T), "not p ** T"),
        (lambda p, c, T: torch.softmax(p / T, 0) @ c, "not logits"),
        (lambda p, c, T: p @ c, "no effect"),
        (lambda p, c, T: c[p.argmax()], "most likely bin"),
        (lambda p, c, T: annealed(p, c, T).flip(0), "exchanged"),
        (lambda p, c, T: p, "shape (2,)"),
    ],
    "counts_most": [
        (["rocket", "motorcycle", "coffee"], "rarest colors weigh most"),
        (["coffee", "rocket", "motorcycle"], "vivid is not rare"),
        (["motorcycle", "coffee", "rocket"], "no landscape has"),
        (["rocket", "coffee", "motorcycle"], "no landscape has"),
        (["coffee", "rocket"], "once"),
        (["coffee", ..., ...], "once"),
        (7, "list of names"),
    ],
    "patchy": [
        ((102.96, 102.96), "the mean of both"),
        ((2.06, 0.0), "likelier"),
        ((2.06, 2.06), "no mean"),
        ((102.96, 2.06), "exchanged"),
        ((4.24, 102.96), "not its square"),
        (7, "two numbers"),
    ],
    "wrong_under_l2": [
        ((1, 2), "other way round"),
        ((5, 1), "most colorful"),
        ((4, 1), "sky and ground"),
        ((2, 3), "another has less"),
        ((0, 1), "from 1 to 6"),
        ({"most": 2}, "least is missing"),
    ],
    "training_step": [
        (lambda *a: step(*a, zero=False), "zero_grad"),
        (lambda *a: step(*a, go=False), "optimizer.step()"),
        (lambda *a: step(*a, scale=1), "divide both ab by 110"),
        (lambda *a: step(*a) * 2, "expected the loss"),
        (lambda *a: str(step(*a)), "one number"),
        (step_with_graph, "loss.item()"),
        (cleared_too_late, "zero_grad() must not"),
    ],
    "broken_loops": [
        ({"A": 1, "B": 4, "C": 5}, "backward() is called"),
        ((2, 5, 4), "Over what does BatchNorm"),
        ((2, 4, 3), "unit has each side"),
        ((2, 4, 7), "expected one of 1 to 6"),
        ({"A": 2, "B": 4}, "C is missing"),
        ("BDE", "expected 3 numbers"),
        ((6, 4, 5), "still in the gradient"),
    ],
    "kept_epoch": [
        (EPOCHS | {"bluest sky": 40}, "not the bluest"),
        (EPOCHS | {"bluest sky": 37}, "lowest error is not the bluest"),
        (EPOCHS | {"lowest error": 40}, "though nearly"),
        (EPOCHS | {"lowest error": 19}, "not all of validation"),
        (EPOCHS | {"lowest error": 20}, "sentence under it"),
        (EPOCHS | {"patience of 5": 10}, "five more are waited for"),
        (EPOCHS | {"patience of 5": 14}, "patience of 4"),
        (EPOCHS | {"patience of 5": 16}, "not one later"),
        (EPOCHS | {"patience of 5": 40}, "long before"),
        (EPOCHS | {"patience of 5": 0}, "from 1 to 40"),
    ],
    "auc": [
        (lambda e: (e <= 150).double().mean(), "t = 150 alone"),
        (lambda e: e.clamp(max=150).mean(), "1 - mean / 150"),
        (lambda e: 1 - e.mean() / 150, "clamp"),
        (lambda e: e.clamp(max=150).mean() / 150, "over the curve"),
        (lambda e: 100 * (1 - e.clamp(max=150).mean() / 150), "percent"),
        (lambda e: e, "one number"),
        (lambda e: 100 * np.mean([np.mean(e.numpy() <= t) for t in range(151)]), "percent"),
        (lambda e: sum(np.mean(e.numpy() <= t) for t in range(151)), "divide"),
    ],
    "worse_of_two": [
        (WORSE | {"cat": ...}, "cat: no answer yet"),
        (WORSE | {"rocket": "network"}, "rocket: MSE(ab) is"),
        (WORSE | {"coffee": "gray"}, "cost more than none"),
        (WORSE | {"cat": "both"}, "expected 'gray' or 'network'"),
        (["gray"] * 5, "expected a dict"),
        ({"cat": "gray"}, "astronaut: expected"),
    ],
    "upper_b": [
        (lambda m, L, turned: upper_b(m, L, turned, channel=0), "b is the second"),
        (lambda m, L, turned: upper_b(m, L, False), "was to be turned"),
        (lambda m, L, turned: upper_b(m, L, turned, back=False), "turn the answer back"),
        (lambda m, L, turned: upper_b(m, L, turned, side=3), "left and right"),
        (lambda m, L, turned: m(L)[0, 1].mean(), "over all rows"),
        (lambda m, L, turned: m(L)[0, 1, :, :21].mean(), "columns"),
        (lambda m, L, turned: m(L)[0, 1, :21], "one number"),
    ],
    "colorfulness": [
        (lambda rgb: vivid(rgb, square=False), "missing"),
        (lambda rgb: vivid(rgb, weight=1), "0.3 times"),
        (lambda rgb: vivid(rgb) / 255, "0..255"),
        (sum_of_roots, "not the sum of both roots"),
        (unmended, "before it was mended"),
        (lambda rgb: vivid(rgb[[1, 0, 2]].abs().sqrt()), "expected"),
    ],
    "hint_weights": [
        (lambda *case: weigh(*case, share=False), "divide by their sum"),
        (lambda *case: weigh(*case, two=1), "the 2 is missing"),
        (lambda level, around, sigma: weigh(level, around, sigma**0.5), "sigma is squared"),
        (lambda *case: weigh(*case, power=1), "square the step"),
        (lambda *case: weigh(*case, sign=1), "a minus is missing"),
        (lambda *case: weigh(*case, share=False).softmax(0), "exponential twice"),
        (lambda level, around, sigma: torch.full((len(around),), 1 / len(around)), "use their L"),
        (lambda level, around, sigma: around[:2], "shape"),
    ],
    "system_row": [
        (lambda w, pixel, hint: (-w, 0), "1 times the pixel itself is missing"),
        (lambda w, pixel, hint: (torch.eye(6)[pixel] + w, hint or 0), "a minus is missing"),
        (lambda w, pixel, hint: (torch.eye(6)[pixel] - w, hint or 0), "replaces the whole row"),
        (lambda w, pixel, hint: (w, hint or 0), "these are the weights"),
        (lambda w, pixel, hint: (torch.eye(6)[pixel], hint or 0), "the neighbors say"),
        (lambda w, pixel, hint: (row_of(w, pixel, hint)[0] * (hint or 1), 0), "right-hand side"),
        (lambda w, pixel, hint: (row_of(w, pixel, hint)[0], 0), "it is the hint"),
        (lambda w, pixel, hint: (row_of(w, pixel, hint)[0], 40), "neighbors' mean is 0"),
        (lambda w, pixel, hint: row_of(w, pixel, hint)[0], "a row and a number"),
    ],
    "three_hints": [
        ([], "most is wrong around x 0.7"),
        (COFFEE[:1], "most is wrong around x 0.7"),
        ([COFFEE[0], Hint(0.73, 0.44, "#2040c0")], "number 2 says a"),
        (COFFEE * 2, "at most three"),
        ([(0.2, 0.3, "#ac2b10")], "a list of hints"),
        (COFFEE[0], "a list of hints"),
    ],
    "stopped_leak": [
        ((20, 8), "on the dark ring"),
        ((20, 25), "that is inside"),
        ((3, 3), "find the gap"),
        ((35, 20), "the row comes first"),
        ((20, 40), "0 to 39"),
        (20, "two numbers"),
    ],
    "stretched": [
        (stretch_by_high, "high - low"),
        (
            lambda gray: (gray - np.percentile(gray, 1)) / np.ptp(np.percentile(gray, (1, 99))),
            "clip",
        ),
        (lambda gray: stretch(gray, 0, 100), "speck of dust"),
        (lambda gray: stretch(gray, 0.01, 0.99), "from 0 to 100"),
        (lambda gray: (gray - np.percentile(gray, 1)).clip(0, 1), "divide by the difference"),
        (lambda gray: (gray / np.ptp(np.percentile(gray, (1, 99)))).clip(0, 1), "off before"),
        (lambda gray: 255 * stretch(gray), "0 to 1"),
    ],
    "trimmed": [
        (swapped_axes, "one number for each row"),
        (lambda gray: gray, "whole picture"),
        (lambda gray: trim(gray, end=0), "add 1 to the last row and column"),
        (masked, "uniform row inside"),
        (lambda gray: trim(gray, columns=False), "columns have a border"),
        (lambda gray: trim(gray, rows=False), "rows have a border"),
        (lambda gray: trim(gray).T, "swapped"),
        (lambda gray: trim(gray) if gray.shape == (38, 61) else gray[1:-1], "come back whole"),
    ],
    "all_reduce_seconds": [
        (lambda size, n, speed: ring(size, n, speed) / 2, "twice"),
        (lambda size, n, speed: ring(size, n, speed) * n, "divide by the number"),
        (lambda size, n, speed: 2 * size / speed, "N - 1"),
        (lambda size, n, speed: 8 * ring(size, n, speed), "bytes already"),
        (lambda size, n, speed: 1e3 * ring(size, n, speed), "in seconds"),
    ],
    "my_shards": [
        (lambda shards, rank, world: shards, "every process reads all"),
        (lambda shards, rank, world: shards[rank - 1 :: world], "ranks go from 0"),
        (
            lambda shards, rank, world: shards[
                rank * (len(shards) // world) : (rank + 1) * (len(shards) // world)
            ],
            "remainder",
        ),
        (lambda shards, rank, world: shards[rank + 1 :: world], "from 0 to world - 1"),
        (lambda shards, rank, world: shards[:: rank + 1], "is read by"),
        (lambda shards, rank, world: [] if rank else shards, "slowest"),
        (lambda shards, rank, world: [rank], "names of the list"),
    ],
}


def said(exercise: str, answer: object, capsys: pytest.CaptureFixture) -> str:
    getattr(checks, exercise)(answer)
    return capsys.readouterr().out


@pytest.mark.parametrize("exercise", RIGHT)
def test_right_answers(exercise: str, capsys: pytest.CaptureFixture) -> None:
    for answer in RIGHT[exercise]:
        assert said(exercise, answer, capsys).startswith("✓"), answer


@pytest.mark.parametrize("exercise", MISTAKES)
def test_mistakes_meet_the_hint_that_names_them(
    exercise: str, capsys: pytest.CaptureFixture
) -> None:
    for answer, hint in MISTAKES[exercise]:
        message = said(exercise, answer, capsys)
        assert message.startswith("✗")
        assert hint in message, message


@pytest.mark.parametrize("exercise", [*RIGHT, "colorized"])
def test_nothing_is_raised_at_the_learner(exercise: str, capsys: pytest.CaptureFixture) -> None:
    def stub(*_: object) -> object:
        return ...

    def broken(*_: object) -> None:
        raise RuntimeError("oops")

    assert "not tried yet" in said(exercise, None, capsys)
    assert "not tried yet" in said(exercise, ..., capsys)
    expects_function = callable(RIGHT.get(exercise, [0])[0])
    if expects_function:
        assert "not tried yet" in said(exercise, stub, capsys)
        assert "RuntimeError: oops" in said(exercise, broken, capsys)
    assert said(exercise, object(), capsys).startswith("✗")


@pytest.mark.parametrize("exercise", checks.__all__)
def test_hints_come_one_at_a_time_and_the_answer_last(
    exercise: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(HINTS[exercise]) >= 2
    monkeypatch.setattr(framework, "hints_left", {})
    for hint in (*HINTS[exercise], "open the answer below", "open the answer below"):
        assert f"Hint: {hint}" in said(exercise, object(), capsys)


def test_the_pictures_of_lesson_3_show_what_their_numbers_say() -> None:
    dot = torch.zeros(1, 1, 64, 64)
    dot[..., 32, 32] = 1
    seen = {number: (way(dot)[0, 0] > 0).nonzero() - 32 for number, way in PICTURES.values()}
    assert set(seen[3].flatten().tolist()) == {-16, -8, 0, 8, 16}  # holes between the copies
    assert set(seen[2].flatten().tolist()) == set(range(-7, 8))  # no hole
    assert seen[1].tolist() == [[-28, -28]]  # one of 8 x 8 blocks: (4, 4)
    checkered = dict(PICTURES.values())[4](torch.ones(1, 1, 64, 64))
    assert checkered[..., 2:-2, 2:-2].unique().tolist() == [1, 2, 4]  # of an even plane


def test_a_colorized_photo(capsys: pytest.CaptureFixture) -> None:
    photo = sample_photo("cat")
    assert "original cat" in said("colorized", photo, capsys)
    assert "gray" in said("colorized", photo.convert("L"), capsys)
    assert "original cat" in said("colorized", photo.resize((200, 150)), capsys)
    other = photo.point(lambda value: value // 2)
    assert said("colorized", other, capsys).startswith("✓")


def test_progress_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "new"))
    assert said("what_is_guessed", "La", capsys).startswith("✗")
    assert lessons.done() == {}
    said("what_is_guessed", "ab", capsys)
    assert list(lessons.done()) == ["what_is_guessed"]
    lines = lessons.table().splitlines()
    assert lines[0].split() == ["00_start_here", "1", "of", "2"]
    assert "  ✓ What the network guesses" in lines
    assert "  ○ AuC" in lines
    for text in ("{", "[1, 2]", '{"no such check": "x"}'):  # a torn or foreign file is no progress
        lessons.file().write_text(text)
        assert lessons.done() == {}
    said("what_is_guessed", "ab", capsys)
    assert list(lessons.done()) == ["what_is_guessed"]


def test_every_exercise_belongs_to_a_lesson() -> None:
    modules = {module for module, _ in lessons.exercises().values()}
    assert modules == {lesson[3:] for lesson in LESSON_SECONDS}
    assert set(lessons.exercises()) == set(checks.__all__)
    assert len(lessons.exercises()) >= 25


def test_a_home_that_cannot_be_written_does_not_disturb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "file"))
    assert said("what_is_guessed", "ab", capsys).startswith("✓")

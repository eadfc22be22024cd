import json

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.color import rgb_to_lab
from course_utils.colorize import WEIGHTS, colorize, load_model
from course_utils.network import ColorizationNet
from course_utils.photos import sample_photo


@pytest.fixture(scope="module")
def model() -> ColorizationNet:
    return load_model("landscapes", "cpu")


@pytest.mark.parametrize("size", [(300, 200), (33, 190), (8, 8), (1, 1), (1, 4000)])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_the_same_size_comes_out(model: ColorizationNet, size: tuple, mode: str) -> None:
    result = colorize(sample_photo("rocket").resize(size).convert(mode), model)
    assert result.size == size
    assert result.mode == "RGB"


def test_lightness_is_kept_and_colors_are_not_looked_at(model: ColorizationNet) -> None:
    photo = sample_photo("rocket")
    lab = rgb_to_lab(torch.from_numpy(np.array(photo)).permute(2, 0, 1))
    result = rgb_to_lab(torch.from_numpy(np.array(colorize(photo, model))).permute(2, 0, 1))
    assert (result[0] - lab[0]).abs().mean() < 0.5
    gray = photo.convert("L")
    assert torch.hypot(*result[1:]).mean() > 5
    as_gray = np.asarray(colorize(gray, model), int)
    twice = np.asarray(colorize(gray.convert("RGB"), model), int)
    assert np.array_equal(as_gray, twice)


def test_loading_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    load_model("landscapes", "cpu")
    assert torch.rand(1) == expected


def test_a_sky_turns_blue(model: ColorizationNet) -> None:
    pixels = np.asarray(colorize(sample_photo("rocket").convert("L"), model), int)
    red, _, blue = pixels[:150].mean(axis=(0, 1))
    assert blue > red + 10


def test_landscapes_beat_the_baselines(landscapes: object) -> None:
    from course_utils.data import open_source
    from course_utils.metrics import baselines, evaluate

    val = open_source(landscapes, 64, "val")
    row = evaluate(load_model("landscapes", "cpu"), val)
    assert row["mse_ab"] == pytest.approx(107.3, abs=0.5)  # what its card says
    for baseline in baselines(val).values():
        assert row["mse_ab"] < 0.65 * evaluate(baseline, val)["mse_ab"]


@pytest.mark.parametrize("size", [0, -8, 20])
def test_bad_sizes(model: ColorizationNet, size: int) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        colorize(Image.new("RGB", (10, 10)), model, size)


def test_the_rebalanced_network_is_as_its_card_says(landscapes: object) -> None:
    from course_utils.data import open_source
    from course_utils.metrics import evaluate

    row = evaluate(load_model("landscapes-rebalanced", "cpu"), open_source(landscapes, 64, "val"))
    told = json.loads((WEIGHTS / "heads.json").read_text())["rows"]["rebalanced, T = 0.38"]
    for name in ("mse_ab", "auc", "auc_rebalanced", "colorfulness"):
        assert row[name] == pytest.approx(told[name], rel=0.01)

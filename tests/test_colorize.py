import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

import course_utils
from course_utils.color import rgb_to_lab
from course_utils.colorize import WEIGHTS, colorize, load_model
from course_utils.data import load_dataset
from course_utils.metrics import mean_mse
from course_utils.network import ColorizationNet
from course_utils.photos import pil_to_tensor, sample_photo
from course_utils.upsampling import enlarge, guided_upsampling, joint_bilateral


@pytest.fixture(scope="module")
def model() -> ColorizationNet:
    return load_model("landscapes", "cpu")


@pytest.mark.parametrize("name", ["photographs", "photographs-vivid"])
def test_networks_for_every_kind_of_photograph(name: str) -> None:
    """Both color a photo; the L2 network comes nearer to the samples' colors than gray does."""
    samples = load_dataset("samples", 96, "all", fit="crop", gray_chroma=0)
    if name == "photographs":
        gray = samples.lab[:].float()[:, 1:].square().mean().item()
        assert mean_mse(load_model(name, "cpu"), samples) < gray
    photo = sample_photo("cat")
    result = pil_to_tensor(colorize(photo, load_model(name, "cpu"))).float()
    assert result.std(dim=0).mean() > 1  # in color
    if name == "photographs":
        assert colorize(photo).size == photo.size


def test_the_package_gives_what_colorizes(model: ColorizationNet) -> None:
    photo = sample_photo("cat").resize((48, 32))
    named = course_utils.colorize(photo, model, 32)
    assert named.tobytes() == colorize(photo, model, 32).tobytes()
    assert course_utils.colorize.load_model is load_model


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


def test_shipped_weights_are_what_their_log_says(landscapes: Path) -> None:
    name = "landscapes"
    val = load_dataset(landscapes, 64, "val")
    logged = json.loads((WEIGHTS / f"{name}.metrics.json").read_text())
    measured = mean_mse(load_model(name, "cpu"), val)
    assert measured == pytest.approx(logged[name]["mse_ab"], abs=0.1)
    assert measured < 105
    assert measured < 0.6 * min(row["mse_ab"] for each, row in logged.items() if each != name)


def test_shipped_weights_are_small_and_have_cards() -> None:
    files = list(WEIGHTS.glob("*.safetensors"))
    size = {file.stem: file.stat().st_size for file in files}
    assert sum(size.values()) < 20e6
    cards = "\n" + (WEIGHTS / "README.md").read_text(encoding="utf-8")
    for file in files:
        model = load_model(file.stem, "cpu")
        assert f"\n# {file.stem}\n" in cards
        assert f'ColorizationNet(width={model.width}, head="{model.head}")' in cards
    assert max(load_model(file.stem, "cpu").width for file in files) >= 0.5


@pytest.mark.parametrize("size", [0, -8, 20])
def test_bad_sizes(model: ColorizationNet, size: int) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        colorize(Image.new("RGB", (10, 10)), model, size)


@pytest.mark.parametrize("guided", [True, False])
def test_lightness_is_kept_to_within_rounding(model: ColorizationNet, guided: bool) -> None:
    gray = sample_photo("astronaut").convert("L")
    given = rgb_to_lab(pil_to_tensor(gray.convert("RGB")))[0]
    result = rgb_to_lab(pil_to_tensor(colorize(gray, model, guided=guided)))[0]
    assert abs(result - given).max() < 1
    assert abs(result - given).mean() < 0.2


def test_rows_are_enlarged_as_the_whole() -> None:
    small = torch.rand(1, 4, 17, 23)
    whole = F.interpolate(small, (130, 201), mode="bilinear")
    for rows in (slice(0, 40), slice(37, 90), slice(129, 130)):
        assert torch.allclose(enlarge(small, 130, 201, rows), whole[..., rows, :], atol=1e-5)


@pytest.mark.parametrize("guided", [True, False])
def test_bands_leave_no_seams(
    model: ColorizationNet, guided: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = sample_photo("rocket")
    in_bands = np.asarray(colorize(photo, model, guided=guided), int)
    monkeypatch.setattr("course_utils.colorize.BAND", 10_000)
    assert abs(in_bands - np.asarray(colorize(photo, model, guided=guided), int)).max() <= 1


def test_colors_do_not_bleed_over_edges() -> None:
    # A dark blue and a light yellow half, parted along a slanted line.
    y, x = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    dark = (x + 0.3 * y < 160)[None, None].float()
    lightness, ab = 80 - 50 * dark, torch.cat((10 * dark, 40 - 70 * dark), dim=1)
    guide, small = F.adaptive_avg_pool2d(lightness, 64), F.adaptive_avg_pool2d(ab, 16)
    sharper = joint_bilateral(small, guide)
    errors = [
        (F.interpolate(small, (256, 256), mode="bilinear") - ab).square().mean(),
        (F.interpolate(sharper, (256, 256), mode="bilinear") - ab).square().mean(),
        (guided_upsampling(sharper, guide, lightness) - ab).square().mean(),
    ]
    assert errors[2] < 0.5 * errors[1] < 0.25 * errors[0]
    flat = torch.full_like(small, 7.0)  # a color without edges stays as it is
    assert torch.allclose(joint_bilateral(flat, guide), torch.tensor(7.0))
    assert torch.allclose(
        guided_upsampling(torch.full((1, 2, 64, 64), 7.0), guide, lightness), torch.tensor(7.0)
    )

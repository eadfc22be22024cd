"""What people pass from a notebook: it works, or one line says what was expected."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.album import colorize_album
from course_utils.color import rgb_to_lab
from course_utils.colorize import WEIGHTS, colorize, load_model
from course_utils.network import ColorizationNet
from course_utils.photos import read_photo, sample_photo
from course_utils.plumbing.arguments import described, meant
from course_utils.recipe import TrainConfig

CAT = np.asarray(sample_photo("cat").resize((48, 32)))
GRAY = np.asarray(sample_photo("cat").resize((48, 32)).convert("L"))
CHANNELS_FIRST = torch.from_numpy(CAT.copy()).permute(2, 0, 1)


@pytest.fixture(scope="module")
def model() -> ColorizationNet:
    return load_model("landscapes", "cpu")


def png() -> bytes:
    content = io.BytesIO()
    Image.fromarray(CAT).save(content, "PNG")
    return content.getvalue()


PHOTOS = {
    "uint8": CAT,
    "float": CAT / 255,
    "float32": np.float32(CAT / 255),
    "RGBA": np.dstack((CAT, np.full_like(GRAY, 255))),
    "not contiguous": CAT[:, ::-1][:, ::-1],
    "tensor": CHANNELS_FIRST,
    "float tensor": CHANNELS_FIRST / 255,
    "with a gradient": (CHANNELS_FIRST / 255).requires_grad_(),
    "bytearray": bytearray(png()),
    "memoryview": memoryview(png()),
    "BytesIO at its end": io.BytesIO(png()),
}


@pytest.mark.parametrize("kind", PHOTOS)
def test_whatever_has_the_pixels_of_a_photograph(kind: str) -> None:
    photo = PHOTOS[kind]
    if isinstance(photo, io.BytesIO):
        photo.seek(0, io.SEEK_END)
    assert np.array_equal(np.asarray(read_photo(photo)), CAT)


@pytest.mark.parametrize("mode", ["r", "rb"])
def test_an_open_file(mode: str, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(png())
    with open(tmp_path / "cat.png", mode) as file:
        assert np.array_equal(np.asarray(read_photo(file)), CAT)


@pytest.mark.parametrize(
    "gray",
    [GRAY, GRAY[..., None], GRAY / 255, torch.tensor(GRAY), torch.tensor(GRAY)[None]],
)
def test_gray_arrays(gray: np.ndarray | torch.Tensor) -> None:
    assert np.array_equal(np.asarray(read_photo(gray))[..., 1], GRAY)


def test_yes_and_no_are_white_and_black() -> None:
    assert np.array_equal(np.asarray(read_photo(GRAY > 99))[..., 0], 255 * (GRAY > 99))


def test_premultiplied_gray() -> None:
    image = Image.fromarray(np.dstack((GRAY, np.full_like(GRAY, 255))), "LA").convert("La")
    assert np.array_equal(np.asarray(read_photo(image))[..., 0], GRAY)


@pytest.mark.parametrize(
    ("photo", "told"),
    [
        (CAT * 1.0, r"\(32, 48, 3\), float64: expected 0 to 1, got 5 to 206; divide by 255"),
        (CAT / 127.5 - 1, r"got -0\.96.* to 0\.6.*; scale it to \[0, 1\]"),
        (CAT / 255 + 0.3, r"got 0\.3.* to 1\.1.*; clip to \[0, 1\]"),
        (np.where(CAT > 99, np.nan, 0), "replace what is NaN"),
        (CAT[None], r"\(1, 32, 48, 3\), uint8, 5 to 206; pass one gray or RGB picture, or a list"),
        (CHANNELS_FIRST[None], "pass one gray or RGB picture, or a list"),
        (CAT.transpose(2, 0, 1), r"put channels last with \.transpose\(1, 2, 0\)"),
        (torch.from_numpy(CAT.copy()), r"put channels first with \.permute\(2, 0, 1\)"),
        (CAT[..., :2], "pass one gray or RGB picture"),
        (CAT.astype(int), "expected uint8, or float .* int64, 5 to 206; convert"),
        (CAT * 1j, "expected uint8, or float .* complex128; convert"),
        (np.zeros((0, 5)), "0 pixels"),
        (None, r"expected a file.* got None"),
        (3, r"got 3 \(int\)"),
        (io.StringIO("cat"), "got StringIO"),
    ],
)
def test_what_is_no_photograph(photo: object, told: str, model: ColorizationNet) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^photo.*{told}") as error:
        colorize(photo, model)
    assert "\n" not in str(error.value)


def test_a_list_gives_a_list(model: ColorizationNet) -> None:
    both = colorize([CAT, GRAY], model)
    assert [each.tobytes() for each in both] == [
        colorize(each, model).tobytes() for each in (CAT, GRAY)
    ]
    assert colorize([], model) == []


def test_a_name_a_path_and_a_wrapped_network_are_models(
    model: ColorizationNet, tmp_path: Path
) -> None:
    expected = np.asarray(colorize(CAT, model), int)
    for other in (
        "landscapes",
        WEIGHTS / "landscapes.safetensors",
        Path("landscapes"),
        torch.nn.DataParallel(model),
    ):
        assert np.abs(np.asarray(colorize(CAT, other), int) - expected).mean() < 1
    (tmp_path / "cat.png").write_bytes(png())
    assert colorize_album(tmp_path / "cat.png", "landscapes", tmp_path).made


def test_what_is_no_network(model: ColorizationNet) -> None:
    for other in (sample_photo("cat"), CAT, 3):
        with pytest.raises(TypeError, match="model: expected a network, such as from load_model"):
            colorize(model, other)
    with pytest.raises(ValueError, match="'Landscapes'; did you mean landscapes"):
        load_model("Landscapes")
    for other in (None, 3):
        with pytest.raises(TypeError, match="weights: expected a name or a path, got"):
            load_model(other)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"epochs": 2.5}, r"epochs: expected a whole number, got 2\.5 \(float\)"),
        ({"batch_size": 8.0}, "batch_size: expected a whole number"),
        ({"learning_rate": "1e-3"}, r"learning_rate: expected a number, got '1e-3' \(str\)"),
        ({"size": "64"}, "size: expected a whole number"),
        ({"size": True}, "size: expected a whole number"),
        ({"augmented": "no"}, "augmented: expected True or False"),
        ({"data": None}, "data: expected a name or a path, got None"),
        ({"data": CAT}, r"data: expected a name or a path, got ndarray of shape \(32, 48, 3\)"),
        ({"lr": 1e-3}, "lr: unknown; did you mean learning_rate?"),
        ({"epoch": 3}, "epoch: unknown; did you mean epochs?"),
        ({"zzz": 3}, "zzz: unknown; expected one of data, size, "),
    ],
)
def test_settings_of_another_type_or_name(setting: dict, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        TrainConfig(**setting)


def test_a_number_that_no_float_holds() -> None:
    with pytest.raises(ValueError, match="width: expected a number, got one that is too large"):
        TrainConfig(width=10**400)


def test_numbers_of_numpy_are_numbers() -> None:
    config = TrainConfig(data=Path("few"), size=np.int64(32), width=1, growth=np.float32(0.5))
    assert config == TrainConfig(data="few", size=32, width=1.0, growth=0.5)
    assert {*map(type, (config.size, config.width, config.growth, config.data))} == {
        int,
        float,
        str,
    }


def test_a_temperature_and_a_view_are_numbers(model: ColorizationNet) -> None:
    with pytest.raises(TypeError, match=r"temperature: expected a number, got '0\.5'"):
        ColorizationNet(0.02, "classification").set_temperature("0.5")
    with pytest.raises(TypeError, match=r"size: expected a whole number, got '64'"):
        colorize(CAT, model, "64")


def test_a_slight_overshoot_is_told_to_be_clipped() -> None:
    rgb = torch.rand(3, 8, 8)
    with pytest.raises(ValueError, match=r"clip to \[0, 1\]"):
        rgb_to_lab(rgb * 1.1)
    with pytest.raises(ValueError, match="divide by 255"):
        rgb_to_lab(rgb * 255)


def test_what_came_is_said_in_a_few_words() -> None:
    assert described("64") == "'64' (str)"
    assert described(object()) == "object"
    assert described(torch.zeros(2, 3)) == "Tensor of shape (2, 3), torch.float32"
    assert len(described(["line\n"] * 1000)) < 50
    assert meant("nothing like it", ["size"]) == ""

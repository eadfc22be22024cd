import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.color import delta_e, fit_gamut, lab_to_uint8, rgb_to_lab
from course_utils.colorize import MOST_SOLVED, Painter, colorize, load_model
from course_utils.hints import Carrier, Hint, as_input, neighbor_weights, system
from course_utils.network import ColorizationNet
from course_utils.photos import pil_to_tensor, sample_photo
from course_utils.plumbing.hint_files import MOST_HINTS, parse_hint, read_hints

RED, BLUE = (192, 48, 32), (40, 60, 200)


@pytest.fixture(scope="module")
def model() -> ColorizationNet:
    return load_model("landscapes", "cpu")


def lab_of(picture: Image.Image) -> torch.Tensor:
    return rgb_to_lab(pil_to_tensor(picture.convert("RGB")))


def drawn(lightness: torch.Tensor) -> Image.Image:
    """A gray picture of this L (H, W)."""
    lab = torch.stack((lightness, *torch.zeros(2, *lightness.shape)))
    return Image.fromarray(lab_to_uint8(lab).permute(1, 2, 0).numpy())


def two_halves(height: int = 192, width: int = 256) -> Image.Image:
    lightness = torch.full((height, width), 35.0)
    lightness[:, width // 2 :] = 70
    return drawn(lightness)


def worst(photo: Image.Image, result: Image.Image, hints: list[Hint]) -> float:
    """The largest difference, CIEDE2000, between the colors at hints and those asked for."""
    lightness, colors = lab_of(photo)[0], lab_of(result)
    differences = []
    for hint in hints:
        row, column = hint.pixel(photo.height, photo.width)
        asked = torch.tensor([lightness[row, column], *hint.ab])[:, None, None]
        got = colors[:, row, column, None, None]
        differences.append(delta_e(fit_gamut(asked), got).item())
    return max(differences)


# The system


def test_weights_are_those_of_the_formula() -> None:
    lightness = 20 * torch.rand(4, 5).double()
    weights = neighbor_weights(lightness, sigma=6.0).toarray()
    for r in range(20):
        y, x = divmod(r, 5)
        expected = np.zeros(20)
        for s in range(20):
            down, right = abs(s // 5 - y), abs(s % 5 - x)
            if s != r and max(down, right) == 1:
                step = (lightness.flatten()[r] - lightness.flatten()[s]).item()
                expected[s] = np.exp(-(step**2) / (2 * 6.0**2))
        assert np.allclose(weights[r], expected / expected.sum(), atol=1e-9)


@pytest.mark.parametrize("reach", [0.3, 2.0, float("inf")])
def test_the_solution_is_that_of_the_whole_system(reach: float) -> None:
    """The rows of known pixels say what is known, all others the formula: solved at once."""
    lightness, values = 30 * torch.rand(9, 7).double(), torch.randn(2, 9, 7).double()
    known = torch.zeros(9, 7, dtype=torch.bool)
    known[[0, 4, 4, 8], [1, 2, 3, 6]] = True
    rows, at = system(lightness, reach).toarray(), known.flatten().numpy()
    rows[at] = np.eye(63)[at]
    right = torch.where(known, values, 0).flatten(1).T.numpy()
    expected = np.linalg.solve(rows, right).T.reshape(2, 9, 7)
    assert np.allclose(Carrier(lightness, reach).carry(values, known), expected, atol=1e-5)


def test_hints_come_and_go() -> None:
    lightness = 30 * torch.rand(12, 16)
    values, carrier = torch.randn(2, 12, 16), Carrier(lightness)
    for _ in range(5):
        known = torch.rand(12, 16) < 0.05
        once = Carrier(lightness).carry(values, known)
        assert torch.allclose(carrier.carry(values, known), once, atol=1e-5)
        assert len(carrier.spread) == known.sum()
    assert carrier.carry(values, known & False).eq(0).all()


def test_a_residual_fades_as_its_reach_says() -> None:
    """From a line in a picture of one L, as exp(-distance / reach)."""
    known = torch.zeros(40, 160, dtype=torch.bool)
    known[:, 0] = True
    carrier = Carrier(torch.full((40, 160), 50.0), reach=0.5)
    carried = carrier.carry(known[None].float(), known)
    distance = torch.arange(60)
    assert torch.allclose(carried[0, 20, :60], torch.exp(-distance / 20), atol=0.01)


def test_levin_colors_each_side_of_an_edge() -> None:
    lightness = torch.full((20, 30), 40.0)
    lightness[:, 15:] = 80
    values, known = torch.zeros(2, 20, 30), torch.zeros(20, 30, dtype=torch.bool)
    values[:, 3, 4], values[:, 10, 20] = torch.tensor([30.0, -20]), torch.tensor([-5.0, 50])
    known[[3, 10], [4, 20]] = True
    result = Carrier(lightness, reach=float("inf")).carry(values, known)
    assert torch.allclose(result[..., :15], values[:, 3, 4, None, None], atol=0.01)
    assert torch.allclose(result[..., 15:], values[:, 10, 20, None, None], atol=0.01)


# Photographs


@pytest.mark.parametrize("network", [True, False])
def test_a_hint_leaves_the_other_side_of_an_edge_alone(
    model: ColorizationNet, network: bool
) -> None:
    photo = two_halves()
    plain = np.asarray(colorize(photo, model, network=network), int)
    red = np.asarray(colorize(photo, model, hints=[Hint(0.2, 0.5, RED)], network=network), int)
    change = abs(red - plain).max(axis=2)
    two_seen = 2 * 256 // 88  # pixels of the photograph in 2 of what the network sees
    assert change[:, 128 + two_seen :].max() <= 1
    assert change[:, 128:].max() < 0.2 * change[:, :128].min()


def test_two_hints_color_two_halves() -> None:
    photo, hints = two_halves(), [Hint(0.25, 0.5, RED), Hint(0.75, 0.5, BLUE)]
    colors = lab_of(colorize(photo, hints=hints, network=False))
    for hint, half in zip(hints, (colors[1:, :, :128], colors[1:, :, 128:]), strict=True):
        direction = torch.tensor(hint.ab) / np.hypot(*hint.ab)
        along = (half * direction[:, None, None]).sum(dim=0)
        across = (half.square().sum(dim=0) - along**2).clamp(min=0).sqrt()
        assert along.min() > 5
        assert (across < 0.25 * along + 2).all()  # of the hue asked for


def test_without_a_network_and_hints_it_stays_gray() -> None:
    gray = sample_photo("cat").convert("L")
    result = np.asarray(colorize(gray, network=False), int)
    assert abs(result - np.asarray(gray)[..., None]).max() <= 1


def test_no_hint_leaves_the_plain_result(model: ColorizationNet) -> None:
    photo = sample_photo("rocket")
    painter = Painter(photo, model)
    plain = colorize(photo, model).tobytes()
    assert painter.paint().tobytes() == plain
    assert painter.paint([Hint(0.5, 0.5, RED)]).tobytes() != plain
    assert painter.paint().tobytes() == plain


@pytest.mark.parametrize("guided", [True, False])
@pytest.mark.parametrize("size", [(427, 640), (1, 1), (9, 7), (2, 900), (1700, 1200)])
def test_a_hint_gets_the_color_asked_for(
    model: ColorizationNet, size: tuple[int, int], guided: bool
) -> None:
    photo = sample_photo("coffee").resize(size)
    dice = np.random.default_rng(size[0])
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255)]
    colors += [tuple(color) for color in dice.integers(0, 256, (10, 3))]
    hints = [Hint(*dice.random(2), color) for color in colors]
    hints = list({hint.pixel(*reversed(size)): hint for hint in hints}.values())
    assert worst(photo, colorize(photo, model, guided=guided, hints=hints), hints) < 3


def test_neighbors_may_have_opposite_colors(model: ColorizationNet) -> None:
    """Full resolution counts: many of these pixels lie in one pixel of what the network sees."""
    photo = sample_photo("china")
    pixels = [(200, 300), (200, 301), (201, 300), (203, 303)]
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]
    hints = [
        Hint((column + 0.5) / photo.width, (row + 0.5) / photo.height, color)
        for (row, column), color in zip(pixels, colors, strict=True)
    ]
    assert worst(photo, colorize(photo, model, hints=hints), hints) < 3
    again = [*hints, Hint(hints[0].x, hints[0].y, BLUE)]  # the last word counts
    assert worst(photo, colorize(photo, model, hints=again), again[1:]) < 3


def test_hints_leave_lightness_alone(model: ColorizationNet) -> None:
    photo = sample_photo("cat")
    result = colorize(photo, model, hints=[Hint(0.3, 0.5, RED), Hint(0.7, 0.2, BLUE)])
    assert (lab_of(result)[0] - lab_of(photo)[0]).abs().max() < 1


def test_hints_leave_no_seams(model: ColorizationNet, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = Painter(sample_photo("rocket"), model)
    hints = [Hint(0.2, 128 / painter.lightness.shape[2], RED), Hint(0.8, 0.99, BLUE)]
    in_bands = np.asarray(painter.paint(hints), int)
    monkeypatch.setattr("course_utils.colorize.BAND", 10_000)
    assert abs(in_bands - np.asarray(painter.paint(hints), int)).max() <= 1


@pytest.mark.parametrize(("size", "shape"), [(512, (512, 512)), (96, (4000, 500))])
def test_a_large_view_has_a_smaller_system(size: int, shape: tuple[int, int]) -> None:
    narrow = ColorizationNet(0.02).eval()
    photo, hints = sample_photo("cat").resize(shape), [Hint(0.5, 0.5, RED), Hint(0, 1, BLUE)]
    painter = Painter(photo, narrow, size)
    assert worst(photo, painter.paint(hints), hints) < 3
    solved = np.prod(painter.carrier.shape)
    assert solved <= MOST_SOLVED < painter.guide.numel()


# A network that hears them


@torch.inference_mode()
def test_a_network_that_sees_hints_spreads_them() -> None:
    """With the true colors of a few places its own answer is better far away from them, too."""
    learned, dice = load_model("photographs-hints", "cpu"), np.random.default_rng(0)
    errors = {"without": 0.0, "with": 0.0}
    for name in ("coffee", "astronaut", "cat", "china"):
        photo = sample_photo(name).resize((96, 96))
        lab, pixels = lab_of(photo), dice.integers(0, 96, (5, 2)).tolist()
        hints = [Hint((x + 0.5) / 96, (y + 0.5) / 96, photo.getpixel((x, y))) for x, y in pixels]
        assert worst(photo, colorize(photo, learned, hints=hints), hints) < 3
        rows, columns = np.mgrid[:96, :96]
        far = np.all([np.hypot(rows - y, columns - x) > 16 for x, y in pixels], axis=0)
        for told, given in (("without", []), ("with", hints)):
            logits = learned.logits(lab[None, :1], as_input(given, (96, 96)))
            squared = (learned.to_ab(logits)[0] - lab[1:]).square().mean(dim=0)
            errors[told] += squared[torch.from_numpy(far)].mean().item()
    assert errors["with"] < 0.9 * errors["without"], errors


def test_its_input_has_the_touches_where_they_are() -> None:
    hints = [Hint(0.3, 0.6, RED), Hint(1, 1, BLUE)]
    planes = as_input(hints, (16, 24))
    assert planes[0, 2].nonzero().tolist() == [[9, 7], [9, 8], [10, 7], [10, 8], [15, 23]]
    assert planes[0, :2, 9, 8].tolist() == pytest.approx(hints[0].ab)
    assert not planes[0, :2, planes[0, 2] == 0].any()
    learned = load_model("photographs-hints", "cpu")
    lightness = torch.full((1, 1, 16, 24), 50.0)
    nothing = torch.zeros(1, 3, 16, 24)
    assert torch.equal(learned.logits(lightness), learned.logits(lightness, nothing))
    assert not torch.allclose(learned.logits(lightness), learned.logits(lightness, planes))


# Hints, and files of them


def test_a_color_has_three_spellings() -> None:
    hint = Hint(0, 1, "#C03020")
    assert hint == Hint(0, 1, RED) == Hint(0.0, 1.0, list(RED))
    assert Hint.from_ab(0, 1, *hint.ab).ab == hint.ab
    assert hint.pixel(30, 40) == (29, 0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1.1, 0, RED), "x: expected a number"),
        ((0, float("nan"), RED), "y: expected a number"),
        (("0", 0, RED), "x: expected"),
        ((True, 0, RED), "x: expected"),
        ((10**400, 0, RED), "x: expected"),
        ((0, 0, "red"), "color: expected"),
        ((0, 0, "#12345"), "color: expected"),
        ((0, 0, "#1234567\n"), "color: expected"),
        ((0, 0, (1, 2)), "color: expected"),
        ((0, 0, (1, 2, 256)), "color: expected"),
        ((0, 0, (0.1, 0.2, 0.3)), "color: expected"),
        ((0, 0, None), "color: expected"),
    ],
)
def test_bad_hints(values: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Hint(*values)


@pytest.mark.parametrize("ab", [(float("inf"), 0), (0, 200), ("1", 0)])
def test_bad_ab(ab: tuple) -> None:
    with pytest.raises(ValueError, match=r"[ab]: expected a number in"):
        Hint.from_ab(0, 0, *ab)


def test_too_many_hints(model: ColorizationNet) -> None:
    with pytest.raises(ValueError, match="hints: expected at most"):
        colorize(sample_photo("cat"), model, hints=[Hint(0, 0, RED)] * (MOST_HINTS + 1))


def test_hints_in_words_and_files(tmp_path: Path) -> None:
    assert parse_hint("0.4,0.6=#c03020") == (0.4, 0.6, RED)
    for text in ("", "1,2", "0.5=#c03020", "a,b=#c03020", "2,0=#c03020", "nan,0=#c03020", "0,0=x"):
        with pytest.raises(ValueError, match=": expected"):
            parse_hint(text)
    path = tmp_path / "hints.json"
    path.write_text('[{"x": 0.4, "y": 1, "color": "#c03020"}]')
    assert read_hints(path) == [(0.4, 1, RED)]


GOOD = {"x": 0.5, "y": 0.5, "color": "#c03020"}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\xff", b"not json", b"{}", b"3", b"null", b"[1]", b"[" * 60_000, b" " * 70_000),
        *(json.dumps([{**GOOD, "x": value}]).encode() for value in (None, "1", [], True, 2, -1)),
        *(json.dumps([{**GOOD, "color": value}]).encode() for value in (None, "red", [1], 7)),
        *(b'[{"x": NaN, "y": 0, "color": "#c03020"}]', b'[{"x": 0.1, "y": 0.1}]'),
        *(b'[{"x": 1e999, "y": 0, "color": "#c03020"}]', b"[%s]" % (b"9" * 5000)),
        json.dumps([{**GOOD, "why": 1}]).encode(),
        json.dumps([GOOD] * (MOST_HINTS + 1)).encode(),
    ],
)
def test_bad_files(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hints.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="expected a file of hints, got: ") as told:
        read_hints(path)
    assert str(told.value).startswith(f"{path}: ") and "\n" not in str(told.value)


@pytest.mark.parametrize("path", ["none.json", "", "/dev/zero", "\0", "x" * 5000])
def test_what_is_no_file(path: str) -> None:
    with pytest.raises(ValueError, match="expected a file of hints"):
        read_hints(path)

import pytest
import torch

from course_utils import scenes
from course_utils.color import in_gamut
from course_utils.scenes import render


def test_a_scene_does_not_depend_on_its_batch() -> None:
    alone, among = render([7]), render(range(40))
    assert torch.equal(alone.L[0], among.L[7])
    assert torch.equal(alone.ab[0], among.ab[7])
    assert not torch.equal(render([7], seed=1).L, alone.L)


def test_shapes_ranges_and_gamut() -> None:
    batch = render(range(24), 48)
    assert batch.L.shape == (24, 1, 48, 48)
    assert batch.ab.shape == batch.expected_ab.shape == batch.variance_ab.shape == (24, 2, 48, 48)
    assert batch.L.min() >= 0
    assert batch.L.max() <= 100
    assert in_gamut(torch.cat((batch.L, batch.ab), dim=1), tolerance=2e-3).all()


def test_another_default_type_draws_the_same() -> None:
    expected = render(range(4), 16)
    scenes._chroma_table.cache_clear()
    torch.set_default_dtype(torch.float64)
    try:
        drawn = render(range(4), 16)
    finally:
        torch.set_default_dtype(torch.float32)
        scenes._chroma_table.cache_clear()
    for got, plane in zip(drawn, expected, strict=True):
        assert got.dtype == torch.float32
        assert torch.equal(got, plane)


def test_thousands_of_different_scenes() -> None:
    small = render(range(3000), 8).L.flatten(1)
    assert len(small.unique(dim=0)) == 3000


def test_mean_and_variance_are_those_of_many_palettes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the luminance dice, throw the palette dice again and again, and compare."""
    dice, throw = scenes._Dice, iter(range(10**6))

    def thrown(seed: int, box: int, indices: list[int]) -> scenes._Dice:
        return dice(seed, box, indices if box == 0 else [next(throw) + 1000 for _ in indices])

    known = render([3] * 32, 16)
    monkeypatch.setattr(scenes, "_Dice", thrown)
    drawn = [render([3] * 32, 16) for _ in range(60)]
    ab = torch.cat([each.ab for each in drawn])  # (1920, 2, 16, 16)
    assert torch.equal(drawn[0].L, known.L)
    error = (ab.mean(0) - known.expected_ab[0]).abs()
    tolerance = 5 * (known.variance_ab[0] / len(ab)).sqrt() + 1e-3
    assert (error < tolerance).all()
    assert ab.var(0).mean().item() == pytest.approx(known.variance_ab[0].mean().item(), rel=0.05)


def test_the_floor_is_the_error_of_the_expected_colors() -> None:
    batch = render(range(600), 16)
    error = (batch.ab - batch.expected_ab).square().mean().item()
    assert error == pytest.approx(batch.l2_floor(), rel=0.05)
    assert batch.l2_floor() < 0.7 * batch.ab.square().mean().item()


@pytest.mark.parametrize("size", [0, -8, 20])
def test_bad_sizes(size: int) -> None:
    with pytest.raises(ValueError, match="positive multiple of 8"):
        render([0], size)

import pytest
import torch

from course_utils.bins import AB_BINS, annealed_mean, soft_encode


def test_313_bins_in_lexicographic_order_on_the_grid() -> None:
    assert AB_BINS.shape == (313, 2)
    assert AB_BINS.tolist() == sorted(map(list, {tuple(row) for row in AB_BINS.tolist()}))
    assert not (AB_BINS % 10).any()


@pytest.mark.parametrize("neighbours", [1, 5, 10])
def test_soft_encoding_weighs_the_nearest_bins(neighbours: int) -> None:
    encoded = soft_encode(torch.tensor([13.0, -4.0]).reshape(1, 2, 1, 1), neighbours)
    assert encoded.shape == (1, 313, 1, 1)
    assert (encoded > 0).sum() == neighbours
    assert encoded.sum().item() == pytest.approx(1)
    assert AB_BINS[encoded.argmax()].tolist() == [10, 0]
    distance = (AB_BINS - torch.tensor([13.0, -4.0])).norm(dim=1)
    weight = torch.exp(-(distance**2) / 50) * (encoded.flatten() > 0)
    assert torch.allclose(encoded.flatten(), weight / weight.sum(), atol=1e-6)


def test_annealed_mean_goes_from_mean_to_mode() -> None:
    logits = torch.full((1, 313, 1, 1), -50.0)
    logits[0, 10], logits[0, 200] = 1.0, 0.0
    share = torch.sigmoid(torch.tensor(1.0))
    mean = share * AB_BINS[10] + (1 - share) * AB_BINS[200]
    assert torch.allclose(annealed_mean(logits, 1.0).flatten(), mean, atol=1e-3)
    assert torch.allclose(annealed_mean(logits, 0.01).flatten(), AB_BINS[10], atol=1e-3)


@pytest.mark.parametrize("temperature", [0, -1, 1.5, float("nan")])
def test_temperature_outside_its_range(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        annealed_mean(torch.zeros(1, 313, 1, 1), temperature)

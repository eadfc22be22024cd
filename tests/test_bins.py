import pytest
import torch

from course_utils.bins import (
    AB_BINS,
    annealed_mean,
    class_weights,
    empirical_prior,
    nearest_bin,
    soft_encode,
)


def test_313_bins_in_lexicographic_order_on_the_grid() -> None:
    assert AB_BINS.shape == (313, 2)
    assert AB_BINS.tolist() == sorted(map(list, {tuple(row) for row in AB_BINS.tolist()}))
    assert not (AB_BINS % 10).any()


@pytest.mark.parametrize("neighbors", [1, 5, 10])
def test_soft_encoding_weighs_the_nearest_bins(neighbors: int) -> None:
    encoded = soft_encode(torch.tensor([13.0, -4.0]).reshape(1, 2, 1, 1), neighbors)
    assert encoded.shape == (1, 313, 1, 1)
    assert (encoded > 0).sum() == neighbors
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


@pytest.mark.parametrize("neighbors", [1, 5, 10])
def test_the_nearest_bins_are_those_of_all_distances(neighbors: int) -> None:
    ab = (torch.rand(2, 2, 40, 40, generator=torch.Generator().manual_seed(0)) - 0.5) * 230
    gap = ab.movedim(1, -1)[..., None, :] - AB_BINS  # (B, H, W, 313, 2)
    distance, index = gap.norm(dim=-1).topk(neighbors, largest=False)
    weight = torch.softmax(-(distance**2) / 50, dim=-1)
    expected = torch.zeros(2, 40, 40, 313).scatter_(-1, index, weight).movedim(-1, 1)
    assert torch.allclose(soft_encode(ab, neighbors), expected, atol=1e-4)
    if neighbors == 1:
        assert torch.equal(nearest_bin(ab), index[..., 0])


def test_an_empty_batch_has_an_empty_encoding() -> None:
    assert soft_encode(torch.zeros(0, 2, 8, 8)).shape == (0, 313, 8, 8)


def test_prior_counts_and_smooths() -> None:
    gray, red = AB_BINS.tolist().index([0, 0]), AB_BINS.tolist().index([60, 40])
    ab = torch.zeros(1, 2, 8, 8)
    ab[0, :, :2] = torch.tensor([60.0, 40.0])[:, None, None]
    counted = empirical_prior([ab, ab], sigma=0)
    assert (counted[gray], counted[red]) == (0.75, 0.25)
    prior = empirical_prior([ab])
    assert prior.sum().item() == pytest.approx(1)
    share = torch.exp(-((AB_BINS - AB_BINS[gray]) ** 2).sum(1) / 50)
    alone = empirical_prior([torch.zeros(1, 2, 8, 8)])
    assert torch.allclose(alone, share / share.sum(), atol=1e-6)
    assert prior[gray] > prior[red] > prior[red + 1] > 0
    with pytest.raises(ValueError, match="one pixel"):
        empirical_prior([])


def test_class_weights_are_finite_and_average_to_one() -> None:
    prior = torch.zeros(313)
    prior[:2] = torch.tensor([0.9, 0.1])
    for uniform in (1e-6, 0.5, 1.0):
        weight = class_weights(prior, uniform)
        assert weight.isfinite().all()
        assert (prior * weight).sum().item() == pytest.approx(1)
    half = class_weights(prior)  # by hand: 1 / (p / 2 + 1 / 626), then scaled
    by_hand = 1 / (prior / 2 + 1 / 626)
    assert torch.allclose(half / half[0], by_hand / by_hand[0])
    assert half.argmax() >= 2  # a bin never seen weighs most
    assert torch.allclose(class_weights(prior, 1.0), torch.ones(313))
    for bad in (0, -1, 1.1):
        with pytest.raises(ValueError, match="uniform"):
            class_weights(prior, bad)
    with pytest.raises(ValueError, match="prior"):
        class_weights(prior * 2)


def test_annealed_mean_is_stable_near_zero() -> None:
    logits = torch.randn(2, 313, 4, 4) * 100
    logits[0, 7] = logits[1, 200] = 1e4
    ab = annealed_mean(logits, 0.01)
    assert ab.isfinite().all()
    assert torch.allclose(ab, AB_BINS[logits.argmax(1)].movedim(-1, 1), atol=0.1)


@pytest.mark.parametrize("neighbors", [0, 314])
def test_neighbors_without_sense(neighbors: int) -> None:
    with pytest.raises(ValueError, match="neighbors"):
        soft_encode(torch.zeros(1, 2, 1, 1), neighbors)

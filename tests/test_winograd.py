"""Winograd's way gives what convolutions give, wherever it is taken."""

import pytest
import torch
from torch import nn

from course_utils.colorize import load_model
from course_utils.network import ColorizationNet
from course_utils.plumbing.fast_conv import (
    FEWEST_CHANNELS,
    TILES,
    WinogradConv2d,
    pays,
    use_winograd,
)


@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 9), (2, 1, 5), (1, 2, 200)])
def test_as_the_convolution(shape: tuple[int, int, int], dilation: int) -> None:
    torch.manual_seed(0)
    count, height, width = shape
    convolution = nn.Conv2d(6, 5, 3, padding=dilation, dilation=dilation).double()
    x = torch.randn(count, 6, height, width, dtype=torch.float64)
    result = WinogradConv2d(convolution)(x)
    assert result.shape == (count, 5, height, width)
    assert torch.allclose(result, convolution(x), rtol=0, atol=1e-12)


def test_more_tiles_than_are_convolved_at_a_time() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(2, 3, 3, padding=1, bias=False).double()
    x = torch.randn(2, 2, 90, 70, dtype=torch.float64)
    assert 2 * TILES < 2 * 45 * 35
    assert torch.allclose(WinogradConv2d(convolution)(x), convolution(x), rtol=0, atol=1e-12)


def test_layout_in_layout_out() -> None:
    """One picture too: else the next convolution would copy it."""
    x = torch.randn(1, 4, 6, 8).to(memory_format=torch.channels_last)
    result = WinogradConv2d(nn.Conv2d(4, 4, 3, padding=1))(x)
    assert result.stride() == x.stride()


@pytest.mark.parametrize(
    "other",
    [
        {"out_channels": FEWEST_CHANNELS - 1},
        {"in_channels": FEWEST_CHANNELS - 1},
        {"kernel_size": 5},
        {"stride": 2},
        {"padding": 0},
        {"dilation": 2},  # and not the padding
        {"groups": 2},
        {"padding_mode": "replicate"},
    ],
)
def test_other_convolutions_stay(other: dict[str, object]) -> None:
    wide = {"in_channels": FEWEST_CHANNELS, "out_channels": FEWEST_CHANNELS}
    fitting = {**wide, "kernel_size": 3, "padding": 1, "device": "meta"}
    assert pays(nn.Conv2d(**fitting))
    assert not pays(nn.Conv2d(**fitting | other))


def test_the_whole_network() -> None:
    torch.manual_seed(0)
    net, L = ColorizationNet(0.5).eval(), torch.rand(1, 1, 40, 56) * 100
    with torch.no_grad():
        net.model_out.weight.normal_()  # colors, not almost gray
        expected = net(L)
        use_winograd(net)
        result = net(L)
    replaced = [each for each in net.modules() if isinstance(each, WinogradConv2d)]
    assert len(replaced) == 11  # of conv4 to conv7: all but the one that 128 channels go into
    assert expected.std() > 5
    assert torch.allclose(result, expected, rtol=0, atol=1e-3)


def test_fast_gives_the_same_colors() -> None:
    L = torch.rand(1, 1, 64, 72) * 100
    fast = load_model("photographs", "cpu", fast=True)
    assert any(isinstance(each, WinogradConv2d) for each in fast.modules())
    with torch.inference_mode():
        assert abs(fast(L) - load_model("photographs", "cpu")(L)).max() < 1

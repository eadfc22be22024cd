import pytest
import torch
from torch import nn

from course_utils.bins import AB_BINS, annealed_mean
from course_utils.network import LAYERS, ColorizationNet, architecture_table

# X, C, S, D, Sa, De, BN of the paper's appendix, with the released network's widths in conv7, 8.
PAPER = """
conv1_1 224 64 1 1 1 1 -    conv1_2 112 64 2 1 1 1 bn
conv2_1 112 128 1 1 2 2 -   conv2_2 56 128 2 1 2 2 bn
conv3_1 56 256 1 1 4 4 -    conv3_2 56 256 1 1 4 4 -    conv3_3 28 256 2 1 4 4 bn
conv4_1 28 512 1 1 8 8 -    conv4_2 28 512 1 1 8 8 -    conv4_3 28 512 1 1 8 8 bn
conv5_1 28 512 1 2 8 16 -   conv5_2 28 512 1 2 8 16 -   conv5_3 28 512 1 2 8 16 bn
conv6_1 28 512 1 2 8 16 -   conv6_2 28 512 1 2 8 16 -   conv6_3 28 512 1 2 8 16 bn
conv7_1 28 512 1 1 8 8 -    conv7_2 28 512 1 1 8 8 -    conv7_3 28 512 1 1 8 8 bn
conv8_1 56 256 0.5 1 4 4 -  conv8_2 56 256 1 1 4 4 -    conv8_3 56 256 1 1 4 4 -
"""


def test_the_table_is_the_papers() -> None:
    words = PAPER.split()
    paper = [words[i : i + 8] for i in range(0, len(words), 8)]
    ours = [
        [
            row["layer"],
            *(f"{row[key]:g}" for key in ("X", "C", "S", "D", "Sa", "De")),
            "bn" if row["BN"] else "-",
        ]
        for row in architecture_table(224)
    ]
    assert ours == paper


def test_the_network_is_the_table() -> None:
    net = ColorizationNet(1.0)
    built = [m for k in range(1, 9) for m in getattr(net, f"model{k}")]
    assert not any("Pool" in type(module).__name__ for module in net.modules())
    convolutions = [m for m in built if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    for layer, module in zip(LAYERS, convolutions, strict=False):
        assert module.out_channels == layer.channels
        assert module.stride == (layer.stride, layer.stride)
        assert module.dilation == (layer.dilation, layer.dilation)
        after = built[built.index(module) + 2 :][:1]
        assert any(isinstance(m, nn.BatchNorm2d) for m in after) == layer.batch_norm
    assert convolutions[-1].out_channels == 313


def test_parameters_of_the_released_network() -> None:
    net = ColorizationNet(1.0, "classification")
    assert sum(p.numel() for p in net.parameters()) == 32_236_011
    names = set(net.state_dict())
    assert {"model1.0.weight", "model8.6.bias", "model_out.weight"} <= names


@pytest.mark.parametrize("last", range(len(LAYERS)))
def test_receptive_field_by_gradient(last: int) -> None:
    layers = LAYERS[: last + 1]
    modules: list[nn.Module] = []
    for layer in layers:
        kind = nn.ConvTranspose2d if layer.transposed else nn.Conv2d
        modules.append(
            kind(1, 1, layer.kernel, layer.stride, layer.dilation, dilation=layer.dilation)
        )
        nn.init.constant_(modules[-1].weight, 1.0)
    # One row is enough: average the other direction away.
    picture = torch.zeros(1, 1, 8, 400, dtype=torch.float64, requires_grad=True)
    maps = nn.Sequential(*modules).double()(picture)
    maps[0, 0, 0, maps.shape[-1] // 2].backward()
    seen = (picture.grad[0, 0].abs().sum(0) > 0).sum().item()
    assert seen == architecture_table(224, layers)[-1]["RF"]


@pytest.mark.parametrize("head", ["regression", "classification"])
@pytest.mark.parametrize("shape", [(2, 1, 32, 48), (1, 1, 37, 61), (0, 1, 16, 16)])
def test_ab_of_any_size(head: str, shape: tuple) -> None:
    net = ColorizationNet(0.05, head).eval()
    ab = net(torch.rand(shape) * 100)
    assert ab.shape == (shape[0], 2, *shape[2:])
    assert ab.isfinite().all()


def test_classification_reads_the_annealed_mean_off_its_scores() -> None:
    net = ColorizationNet(0.05, "classification").eval()
    L = torch.rand(1, 1, 32, 32) * 100
    net.model8[-1].weight.data.normal_()
    for temperature in (1.0, 0.1):
        net.set_temperature(temperature)
        small = annealed_mean(net.logits(L), temperature)
        expected = nn.functional.interpolate(small, scale_factor=4, mode="bilinear")
        assert torch.allclose(net(L), expected, atol=1e-3)
    assert torch.allclose(net.model_out.weight[:, :, 0, 0].T * 110, AB_BINS, atol=1e-4)
    assert not net.model_out.weight.requires_grad


def test_signals_keep_their_size_at_the_start() -> None:
    net = ColorizationNet(0.25).train()
    logits = net.logits(torch.rand(8, 1, 64, 64) * 100)
    assert 0.3 < logits.std() < 10
    assert net(torch.rand(8, 1, 64, 64) * 100).std() < 30  # and colors begin near gray


@pytest.mark.parametrize("options", [{"width": 0}, {"width": -1}, {"head": "both"}])
def test_bad_networks(options: dict) -> None:
    with pytest.raises(ValueError, match="expected"):
        ColorizationNet(**options)
    with pytest.raises(ValueError, match=r"\(B, 1, H, W\)"):
        ColorizationNet(0.05)(torch.zeros(1, 3, 8, 8))

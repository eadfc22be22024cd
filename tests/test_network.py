import hashlib
import io
import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from course_utils.architecture import architecture_table
from course_utils.bins import AB_BINS, annealed_mean
from course_utils.colorize import load_model
from course_utils.network import LAYERS, PAPER_LAYERS, ColorizationNet, bf16_is_fast
from course_utils.plumbing import weights

# X, C, S, D, Sa, De, BN, L of the paper's appendix; / C and BN of the released network.
PAPER = """
conv1_1 224 64 1 1 1 1 - -    conv1_2 112 64 2 1 1 1 bn -
conv2_1 112 128 1 1 2 2 - -   conv2_2 56 128 2 1 2 2 bn -
conv3_1 56 256 1 1 4 4 - -    conv3_2 56 256 1 1 4 4 - -    conv3_3 28 256 2 1 4 4 bn -
conv4_1 28 512 1 1 8 8 - -    conv4_2 28 512 1 1 8 8 - -    conv4_3 28 512 1 1 8 8 bn -
conv5_1 28 512 1 2 8 16 - -   conv5_2 28 512 1 2 8 16 - -   conv5_3 28 512 1 2 8 16 bn -
conv6_1 28 512 1 2 8 16 - -   conv6_2 28 512 1 2 8 16 - -   conv6_3 28 512 1 2 8 16 bn -
conv7_1 28 256 1 1 8 8 - -    conv7_2 28 256 1 1 8 8 - -    conv7_3 28 256 1 1 8 8 bn -
conv8_1 56 128 0.5 1 4 4 - -  conv8_2 56 128 1 1 4 4 - -    conv8_3 56 128 1 1 4 4 bn -
"""


@pytest.mark.parametrize("layers", [PAPER_LAYERS, LAYERS])
def test_the_table_is_the_papers(layers: tuple) -> None:
    words = PAPER.split()
    paper = [words[i : i + 9] for i in range(0, len(words), 9)]
    if layers is LAYERS:  # the released network has twice the channels in conv7 and conv8
        for row in paper[16:]:
            row[2] = str(2 * int(row[2]))
        paper[-1][7] = "-"
    ours = [
        [
            row["layer"],
            *(f"{row[key]:g}" for key in ("X", "C", "S", "D", "Sa", "De")),
            "bn" if row["BN"] else "-",
            "loss" if row["L"] else "-",
        ]
        for row in architecture_table(ColorizationNet(layers=layers))
    ]
    assert ours == paper


def test_a_loss_halfway_shows_in_the_table() -> None:
    net = ColorizationNet(0.05)
    net.model7.append(nn.Conv2d(26, 26, kernel_size=1))
    assert [row["layer"] for row in architecture_table(net) if row["L"]] == ["conv7_3"]


def test_effective_dilation_rises_to_conv5_and_falls_from_conv6() -> None:
    rows = architecture_table()
    dilation = [row["De"] for row in rows]
    assert dilation == [row["D"] * row["Sa"] for row in rows]
    middle = [row["layer"] for row in rows].index("conv6_1")
    assert dilation[:middle] == sorted(dilation[:middle])
    assert dilation[middle:] == sorted(dilation[middle:], reverse=True)
    assert (dilation[0], max(dilation), dilation[-1]) == (1, 16, 4)


def test_cost_of_the_released_network() -> None:
    rows, net = architecture_table(size=256), ColorizationNet(1.0)
    scores = net.model8[-1]  # the 1x1 convolution to 313 channels is no row of the table
    head = sum(p.numel() for p in (*scores.parameters(), *net.model_out.parameters()))
    assert sum(row["parameters"] for row in rows) + head == 32_236_011
    flop = sum(row["flop"] for row in rows) + 2 * head * 64**2
    assert flop == pytest.approx(83.5e9, rel=0.001)


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


def test_receptive_field_of_every_layer_by_gradient() -> None:
    net = ColorizationNet(0.02).eval()
    for parameter in net.parameters():
        nn.init.constant_(parameter, 0.05)  # all positive, so that nothing cancels
    picture = torch.full((1, 1, 400, 400), 60.0, requires_grad=True)
    x, after = net.normalize(picture), {}
    for block in net.blocks():
        for module in block:
            x = module(x)
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                after[module] = x
    for row, maps in zip(architecture_table(net), after.values(), strict=False):
        middle = maps.shape[-1] // 2
        (slope,) = torch.autograd.grad(maps[0, 0, middle, middle], picture, retain_graph=True)
        seen = slope[0, 0] != 0
        assert (seen.any(0).sum(), seen.any(1).sum()) == (row["RF"], row["RF"]), row["layer"]


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


def test_every_step_of_the_test_phase_is_a_layer() -> None:
    text = str(ColorizationNet(0.05, "classification"))
    names = ("Temperature", "Softmax", "model_out", "Upsample", "bilinear", "DenormalizeAB")
    assert all(name in text for name in names)
    assert "Softmax" not in str(ColorizationNet(0.05, "regression"))


@pytest.mark.parametrize("head", ["regression", "classification"])
def test_export_holds_the_test_phase(head: str) -> None:
    net, Dim = varied(ColorizationNet(0.05, head)), torch.export.Dim
    sizes = {0: Dim("batch"), 2: 8 * Dim("rows"), 3: 8 * Dim("columns")}
    example = torch.rand(2, 1, 40, 48) * 100
    exported = torch.export.export(net, (example,), dynamic_shapes={"lightness": sizes})
    targets = " ".join(str(node.target) for node in exported.graph.nodes)
    assert ("softmax" in targets) == (head == "classification")
    assert "upsample_bilinear" in targets
    for shape in ((2, 1, 40, 48), (3, 1, 32, 64)):
        L = torch.rand(shape) * 100
        assert torch.allclose(exported.module()(L), net(L), atol=1e-3)


@pytest.mark.parametrize("head", ["regression", "classification"])
def test_onnx_runtime_agrees(head: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnx, onnxscript, onnxruntime")
    net, L = varied(ColorizationNet(0.05, head)), torch.rand(1, 1, 32, 48) * 100
    torch.onnx.export(net, (L,), str(tmp_path / "net.onnx"), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"))
    (ab,) = session.run(None, {session.get_inputs()[0].name: L.numpy()})
    assert abs(torch.from_numpy(ab) - net(L)).max() < 1e-3


def test_a_network_in_bfloat16_is_not_exported_as_onnx(tmp_path: Path) -> None:
    """ONNX Runtime has no convolution for it."""
    pytest.importorskip("onnxscript", reason="needs onnx, onnxscript")
    net, L = ColorizationNet(0.05).eval(), torch.rand(1, 1, 32, 48)
    net.use_bfloat16()
    with pytest.raises(RuntimeError, match="expected weights in float32; load the network with"):
        torch.onnx.export(net, (L,), tmp_path / "net.onnx", dynamo=True, verbose=False)


def test_memory_layout_and_bfloat16_give_the_same_colors() -> None:
    net, L = load_model("landscapes", "cpu"), torch.rand(2, 1, 64, 64) * 100
    with torch.inference_mode():
        expected = net.to(memory_format=torch.contiguous_format)(L)
        assert torch.allclose(net.to(memory_format=torch.channels_last)(L), expected, atol=1e-3)
        net.use_bfloat16()
        ab = net(L)
    assert ab.dtype == torch.float32
    assert abs(ab - expected).max() < 1


def test_fast_is_bfloat16_where_that_is_fast() -> None:
    kept = torch.bfloat16 if bf16_is_fast() else torch.float32
    net = load_model("landscapes", "cpu", fast=True)
    assert net.model1[0].weight.dtype == kept
    assert net.model_out.weight.dtype == torch.float32


class Published(nn.Module):
    """The forward path that was published, written down from its description: the oracle."""

    def __init__(self) -> None:
        super().__init__()
        channels = 1
        for block in range(1, 9):
            modules: list[nn.Module] = []
            for layer in (each for each in LAYERS if each.block == block):
                if block == 8 and not modules:
                    modules += [nn.ConvTranspose2d(channels, 256, 4, 2, 1)]
                else:
                    far = layer.dilation
                    modules += [nn.Conv2d(channels, layer.channels, 3, layer.stride, far, far)]
                modules += [nn.ReLU()]
                channels = layer.channels
            modules += [nn.Conv2d(256, 313, 1)] if block == 8 else [nn.BatchNorm2d(channels)]
            setattr(self, f"model{block}", nn.Sequential(*modules))
        self.model_out = nn.Conv2d(313, 2, 1, bias=False)

    def forward(self, L: Tensor) -> Tensor:
        x = (L - 50) / 100
        for block in range(1, 9):
            x = getattr(self, f"model{block}")(x)
        x = self.model_out(x.softmax(dim=1))
        return 110 * nn.functional.interpolate(x, scale_factor=4, mode="bilinear")


def publish(state: object, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a state dict where the published one is looked for, under a name with its hash."""
    content = io.BytesIO()
    torch.save(state, content)
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    file = folder / f"release-{digest[:8]}.pth"
    file.write_bytes(content.getvalue())
    monkeypatch.setattr(weights, "ZHANG2016", file.as_uri())
    monkeypatch.setenv("COURSE_DATA", str(folder / "home"))


def test_the_published_weights_give_the_published_colors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = varied(Published())
    nn.init.normal_(published.model_out.weight, std=3)
    publish(published.state_dict(), tmp_path, monkeypatch)
    L = torch.rand(2, 1, 64, 48) * 100
    ours = load_model("zhang2016", "cpu")
    with torch.inference_mode():
        assert torch.allclose(ours(L), published(L), atol=0.01)
        assert published(L).std() > 1  # colors that differ, else nothing was compared
        monkeypatch.setattr(weights, "ZHANG2016", "http://127.0.0.1:9/gone-00000000.pth")
        assert torch.equal(load_model("zhang2016", "cpu")(L), ours(L))  # from now on offline
    assert [file.name for file in (tmp_path / "home").glob("zhang2016*")] != []
    assert not list((tmp_path / "home").glob("*.pth"))


def test_no_published_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "home"))
    monkeypatch.setattr(weights, "ZHANG2016", "http://127.0.0.1:9/offline-00000000.pth")
    with pytest.raises(ValueError, match="try again with a connection"):
        load_model("zhang2016")
    publish({}, tmp_path, monkeypatch)
    monkeypatch.setattr(
        weights, "ZHANG2016", weights.ZHANG2016.replace("release-", "release-0")
    )  # another hash
    Path(next(tmp_path.glob("*.pth"))).rename(tmp_path / Path(weights.ZHANG2016).name)
    with pytest.raises(ValueError, match="zhang2016: could not be fetched"):
        load_model("zhang2016")


class Trap:
    def __reduce__(self) -> tuple:
        return exec, ("raise SystemExit('a file was executed')",)


def test_published_weights_are_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish({"model1.0.weight": Trap()}, tmp_path, monkeypatch)
    with pytest.raises(SystemExit):
        pickle.loads(pickle.dumps(Trap()))  # it is armed
    with pytest.raises(ValueError, match="zhang2016: could not be fetched"):
        load_model("zhang2016")


def varied(net: nn.Module) -> nn.Module:
    """A network whose scores and BatchNorms are not those of the first step."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return net.eval()

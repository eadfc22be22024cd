from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from course_utils.network import ColorizationNet
from course_utils.plumbing.weights import (
    read_network,
    read_safetensors,
    save_weights,
    write_safetensors,
)


def test_weights_round_trip(tmp_path: Path) -> None:
    net = ColorizationNet(0.05)
    net.size = 32
    save_weights(net, tmp_path / "w.safetensors")
    other = read_network(tmp_path / "w.safetensors")
    assert (other.width, other.size) == (0.05, 32)
    L = torch.rand(1, 1, 16, 16) * 100
    assert torch.equal(net.eval()(L), other.eval()(L))
    assert [file.name for file in tmp_path.iterdir()] == ["w.safetensors"]


@pytest.mark.parametrize("head", ["regression", "classification"])
def test_small_weights(head: str, tmp_path: Path) -> None:
    net = ColorizationNet(0.25, head)
    for small in (False, True):
        save_weights(net, tmp_path / f"{small}.safetensors", small)
    sizes = [(tmp_path / f"{small}.safetensors").stat().st_size for small in (False, True)]
    assert sizes[1] < 0.27 * sizes[0]
    other = read_network(tmp_path / "True.safetensors")
    for (name, right), got in zip(net.named_parameters(), other.parameters(), strict=True):
        largest = right.abs().flatten(1).amax(1) if right.ndim == 4 else right.abs()
        apart = (got - right).abs()
        apart = apart.flatten(1).amax(1) if right.ndim == 4 else apart
        assert (apart <= 0.51 / 127 * largest).all(), name


def test_a_kernel_without_its_scale(tmp_path: Path) -> None:
    net, path = ColorizationNet(0.05), tmp_path / "w.safetensors"
    save_weights(net, path, small=True)
    tensors, about = read_safetensors(path)
    for scale in (None, torch.ones(2, 2)):
        name = "model1.0.weight.scale"
        kept = {each: tensor for each, tensor in tensors.items() if each != name}
        write_safetensors(kept if scale is None else kept | {name: scale}, path, about)
        with pytest.raises(ValueError, match="the file is damaged"):
            read_network(path)


def test_weights_that_are_no_numbers(tmp_path: Path) -> None:
    net = ColorizationNet(0.05)
    net.model1[0].bias.data.fill_(float("nan"))
    save_weights(net, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="expected numbers"):
        read_network(tmp_path / "w.safetensors")


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(ValueError, match="no such file"):
        read_safetensors(path)
    path.write_bytes(b"PK\x03\x04 not safetensors")
    with pytest.raises(ValueError, match="expected a weights file"):
        read_safetensors(path)
    for width in ('"a"', "null"):
        about = f'{{"width": {width}, "head": "regression"}}'
        save_file({"x": torch.zeros(1)}, path, metadata={"course": about})
        with pytest.raises(ValueError, match="expected a weights file"):
            read_safetensors(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="expected a weights file"):
        read_safetensors(path)

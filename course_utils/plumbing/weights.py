"""Weights as safetensors files, with the metadata that is needed to rebuild their network.

Files are written atomically, and reading one executes no code.
"""

import json
import pickle
from http.client import HTTPException
from math import prod
from pathlib import Path

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from course_utils.network import ColorizationNet
from course_utils.plumbing.files import data_home, write_atomic
from course_utils.plumbing.limits import check_architecture, check_size, check_temperature

# The network that the authors of the paper published, BSD-2. Its sha256 begins with the last part
# of its name. It has no layer for the temperature, which is a temperature of 1.
ZHANG2016 = "https://colorizers.s3.us-east-2.amazonaws.com/colorization_release_v2-9b330a0b.pth"
SCALE = ".scale"  # ends the name of what an 8-bit kernel is multiplied by
DTYPES = ("F32", "F16", "BF16", "I64", "I8")  # that the course writes, by safetensors' names
STATE = 3  # a run's state has this many times the numbers of its network: weights and two moments


def save_weights(
    model: ColorizationNet, path: str | Path, small: bool = False, **about: object
) -> None:
    """Write the weights, with the metadata that is needed to rebuild their network, atomically.

    Args:
        small: quantize the convolution kernels to 8 bits, -127 to 127, with one scale per index of
            a kernel's first dimension. The file is a quarter the size; ab changes by a few tenths.
        about: plain values (size, data, epoch ...) that are stored with the weights.
    """
    about = {"width": model.width, "head": model.head, "size": model.size, **about}
    if model.inputs != 1:
        about["inputs"] = model.inputs
    if model.head == "classification":
        about.setdefault("temperature", model.temperature.temperature)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        if small and parameter.ndim == 4:
            scale = tensors[name].abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12) / 127
            tensors |= {name: (tensors[name] / scale).round().char(), name + SCALE: scale}
    write_safetensors(tensors, path, about)


def read_network(path: str | Path) -> ColorizationNet:
    """The network that a weights file was saved from.

    Raises:
        ValueError: no such file, not a weights file of the course, or a damaged one.
    """
    tensors, about = read_safetensors(path)
    if "model.model1.0.weight" in tensors:
        raise ValueError(
            f"{path}: expected weights, got the last state of a run; use the best.safetensors "
            "beside it"
        )
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise ValueError(f"{path}: expected numbers, some weights are none; train them again")
    model, whole = _without_numbers(about), {name: part.float() for name, part in tensors.items()}
    try:
        for name in [name for name, tensor in tensors.items() if tensor.dtype == torch.int8]:
            whole[name] *= whole.pop(name + SCALE).reshape(len(whole[name]), 1, 1, 1)
        model.load_state_dict(whole, assign=True)
    except (KeyError, RuntimeError):
        raise ValueError(
            f"{path}: expected the weights of a network of width {model.width}, "
            "got other names or shapes; the file is damaged"
        ) from None
    if "temperature" in about:
        model.set_temperature(about["temperature"])
    model.size = about["size"]
    return model


def fetch_zhang2016(progress: bool = True) -> Path:
    """Download the published network, if it is not here yet, and return its file.

    It is published as a pickle. PyTorch's restricted unpickler (`weights_only`) reads the tensors
    without executing code, and they are saved as a weights file of the course.

    Raises:
        ValueError: no connection, no room, or not the file that was expected.
    """
    path = data_home() / "zhang2016.safetensors"
    published = data_home() / Path(ZHANG2016).name
    prefix = published.stem.split("-")[-1]
    try:
        data_home().mkdir(parents=True, exist_ok=True)
        with FileLock(data_home() / "zhang2016.lock"):
            if not path.exists():
                torch.hub.download_url_to_file(ZHANG2016, str(published), prefix, progress)
                tensors = torch.load(published, map_location="cpu", weights_only=True)
                model = ColorizationNet(1.0, "classification")
                model.load_state_dict(tensors)
                model.set_temperature(1.0)
                save_weights(model, path, data="ImageNet", source=ZHANG2016)
                published.unlink()
    except (OSError, RuntimeError, HTTPException, pickle.UnpicklingError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"zhang2016: could not be fetched from {ZHANG2016} ({reason}); try "
            "again with a connection, or use the weights named landscapes"
        ) from error
    return path


def _without_numbers(about: dict) -> ColorizationNet:
    """A network whose weights have shapes and take no memory."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return ColorizationNet(about["width"], about["head"], inputs=about.get("inputs", 1))


def write_safetensors(tensors: dict[str, Tensor], path: str | Path, about: dict) -> None:
    """Tensors and a few plain values in one file that appears whole or not at all."""
    write_atomic(path, save(tensors, metadata={"course": json.dumps(about)}))


def read_safetensors(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """The inverse of `write_safetensors`. Nothing in the file is executed.

    Raises:
        ValueError: no such file, or not one that the course wrote.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path}: expected a weights file (.safetensors), no such file")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["course"])
            _check_about(about)
            _check_declared(file, about)
            # Clones, because Windows does not replace a file that a tensor still looks into.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        return tensors, about
    except (SafetensorError, KeyError, TypeError, ValueError, OSError, RuntimeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)[:200]
        raise ValueError(
            f"{path}: expected a weights file written by this course, got: {reason}"
        ) from None


def _check_about(about: object) -> None:
    """Raise an error for values that no network has."""
    if not isinstance(about, dict):
        raise TypeError(f"{type(about).__name__} in place of what describes the network")
    numbers = {"width": about["width"], "size": about.setdefault("size", 256)}
    numbers |= {name: about.get(name, 1) for name in ("temperature", "inputs")}
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} {value!r}")
    check_architecture(about["width"], about["head"], about.get("inputs", 1))
    check_size(about["size"])
    check_temperature(numbers["temperature"])
    if "temperature" in about and about["head"] != "classification":
        raise ValueError("a temperature for a regression")


def _check_declared(file: safe_open, about: dict) -> None:
    """Raise ValueError for tensors that take more memory than a run of their network."""
    parts = _without_numbers(about).state_dict().values()
    known, numbers = len(parts), sum(part.numel() for part in parts)
    names = file.keys()
    if len(names) > (STATE + 1) * known:
        raise ValueError(f"{len(names)} tensors, where its network has {known}")
    slices = [file.get_slice(name) for name in names]
    declared = sum(prod(each.get_shape()) for each in slices)
    if declared > STATE * numbers + (STATE + 1) * known:
        raise ValueError(f"{declared} numbers, where its network has {numbers}")
    for dtype in {each.get_dtype() for each in slices} - set(DTYPES):
        raise ValueError(f"numbers of type {dtype}")

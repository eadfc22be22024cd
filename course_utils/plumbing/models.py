"""Trained networks by name."""

from functools import cache
from os import PathLike
from pathlib import Path

import torch

from course_utils.network import ColorizationNet, bf16_is_fast
from course_utils.plumbing.arguments import as_kind, described, meant
from course_utils.plumbing.weights import fetch_zhang2016, read_network

_PACKAGE = Path(__file__).resolve().parent.parent
# Trained weights, their cards and logs: part of an installed package, or beside it in a clone.
WEIGHTS = next(filter(Path.is_dir, (_PACKAGE / "trained", _PACKAGE.parent / "data" / "weights")))


def load_model(
    path_or_name: str | Path, device: str | None = None, fast: bool = False
) -> ColorizationNet:
    """A trained network, ready to use. Its `size` is the one that it was trained at.

    Args:
        path_or_name: a weights file, or the name of one in data/weights, such as "landscapes";
            "photographs-hints" also sees hints; "zhang2016" is the network that the authors of the
            paper published (downloaded once, 129 MB).
        device: "cpu" or "cuda"; by default a GPU where there is one.
        fast: convolve in bfloat16 where the hardware has it. It takes about half the time, and
            moves ab by some tenths: to look at pictures, not to compare figures.
    Raises:
        ValueError: no such weights, not a weights file of the course, or no connection.
    """
    name = as_kind("weights", path_or_name, str)
    path = Path(name)
    if name == "zhang2016":
        path = fetch_zhang2016()
    elif path.suffix != ".safetensors":
        files = {file.stem: file for file in sorted(WEIGHTS.rglob("*.safetensors"))}
        if name not in files:
            known = [*sorted(files), "zhang2016"]
            raise ValueError(
                f"weights: expected a .safetensors file or one of: {', '.join(known)}; "
                f"got {name!r}{meant(name, known)}"
            )
        path = files[name]
    model = read_network(path)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if fast and bf16_is_fast(device):
        model.use_bfloat16()
    return model.to(device, memory_format=torch.channels_last).eval()


@cache
def default_model() -> ColorizationNet:
    """The network for every kind of photograph, loaded once."""
    return load_model("photographs", fast=True)


def to_network(model: ColorizationNet | str | Path | None) -> ColorizationNet:
    """Return a network: as given, without a wrapper; loaded from a name or a path; or, for None,
    the default one for every kind of photograph."""
    if model is None:
        return default_model()
    if isinstance(model, str | PathLike):
        return load_model(model, fast=True)
    for wrapper in ("module", "_orig_mod"):  # of DataParallel and of torch.compile
        model = getattr(model, wrapper, model)
    if not isinstance(model, ColorizationNet):
        raise TypeError(
            "model: expected a network, such as from load_model, or the name of one, got "
            f"{described(model)}"
        )
    return model

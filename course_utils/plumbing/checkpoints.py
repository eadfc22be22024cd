"""A training run on disk, written so that it can be resumed.

A run's folder has `best.safetensors` (the weights of the best epoch), `last.safetensors` and
`previous.safetensors` (the latest resumable state, and the one before it) and `history.jsonl` (one
line per epoch). The learning rate and the random numbers follow from the position in the run, and
bfloat16 needs no gradient scaler, so the state is: weights, optimizer moments, position, history,
config, and the hash of the data.
"""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from course_utils.network import ColorizationNet
from course_utils.plumbing.weights import read_safetensors, save_weights, write_safetensors
from course_utils.recipe import History, TrainConfig

MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what AdamW keeps of a parameter
STATES = ("last.safetensors", "previous.safetensors")


@dataclass
class Position:
    """A position in a run: the epoch (from 0), its completed steps, and their running sums."""

    epoch: int = 0
    step: int = 0
    loss: float = 0.0  # sum over steps, weighted by share of the pictures
    norm: float = 0.0  # of the gradient: sum over steps, each divided by the number of steps
    seconds: float = 0.0


@contextmanager
def run_alone(out: Path | None) -> Iterator[None]:
    """Keep other runs out of a folder, if there is one, until this one ends or its process does.

    Raises:
        ValueError: another run is in it.
    """
    with ExitStack() as held:
        try:
            if out is not None:
                held.enter_context(FileLock(out / ".lock", timeout=0))
        except Timeout:
            raise ValueError(
                f"out: expected a folder of its own, another run is in {out} right now; wait for "
                "its end, or choose another folder"
            ) from None
        except OSError:  # a file system without locks
            pass
        yield


def has_run(out: Path) -> bool:
    """Whether a folder has a run that could be resumed."""
    return any((out / name).exists() for name in STATES)


def save_run(
    history: History, optimizer: torch.optim.Optimizer, position: Position, out: Path
) -> None:
    """Write all that resuming needs, and after an epoch the best weights and the history too."""
    model, config = history.model, history.config
    if position.step == 0 and history.best is history.rows[-1]:
        about = {"data": Path(config.data).name, **history.rows[-1]}
        save_weights(model, out / "best.safetensors", **about)
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in state.items()}
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    about = {"width": config.width, "head": config.head, "rows": history.rows, **history.head()}
    about["position"] = asdict(position)
    last, previous = (out / name for name in STATES)
    write_safetensors(tensors, out / "next.safetensors", about)
    if last.exists():
        last.replace(previous)
    (out / "next.safetensors").replace(last)
    history.save(out / "history.jsonl")


def resume_run(
    config: TrainConfig, model: ColorizationNet, optimizer: torch.optim.Optimizer, out: Path
) -> tuple[History, Position]:
    """Load a run's latest readable state into the model and the optimizer.

    Returns:
        the run's history, and its position.
    Raises:
        ValueError: the run has another config, or no readable state.
    """
    problems = []
    for state in filter(Path.exists, (out / name for name in STATES)):
        try:
            tensors, about = read_safetensors(state)
            history, position = History.of(about, about["rows"]), Position(**about["position"])
            started = history.config
            done = (position.epoch, position.step)
            sums = (position.loss, position.norm, position.seconds)
            if [*map(type, done)] != [int, int] or not {*map(type, sums)} <= {int, float}:
                raise TypeError(str(position))
            if position.epoch != len(history.rows) or position.step < 0:
                raise ValueError(f"{len(history.rows)} epochs, and {position}")
            _check_config(config, started, out)
            _restore(tensors, model, optimizer)
        except OtherConfig:
            raise
        except (ValueError, KeyError, IndexError, TypeError, RuntimeError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            problems.append(f"{state}: expected the state of a run, got something else ({reason})")
            continue
        for name in ("next.safetensors", "best.safetensors", "history.jsonl"):
            for left in out.glob(f"{name}.*.part"):  # by a process that was killed
                left.unlink(missing_ok=True)
        for problem in problems:
            warnings.warn(f"{problem}; going on from {state.name}", stacklevel=2)
        history.save(out / "history.jsonl")
        return history, position
    raise ValueError(f"{problems[0]}; choose another folder")


class OtherConfig(ValueError):
    """A run was started with another config than the one it is resumed with."""


def _check_config(config: TrainConfig, started: TrainConfig, out: Path) -> None:
    for name, value in asdict(config).items():
        before = getattr(started, name)
        if before != value and name != "data":  # however it is spelled, see `check_data`
            advice = "resume with that, or choose another folder"
            if name == "epochs":
                advice += f" and start from {out / 'best.safetensors'}"
            raise OtherConfig(
                f"{out}: expected a run with {name}={value!r}, it was started with "
                f"{name}={before!r}; {advice}"
            )


def check_data(history: History, fingerprint: str, data: str) -> None:
    """Raises ValueError if a run was started with other pictures than those of `data`."""
    if history.fingerprint != fingerprint:
        started = history.config.data
        change = f"those in {data} have changed" if data == started else f"got those in {data}"
        raise ValueError(
            f"data: expected the pictures that the run was started with, in {started}; {change}; "
            "train anew in another folder"
        )


def _restore(
    tensors: dict[str, torch.Tensor], model: ColorizationNet, optimizer: torch.optim.Optimizer
) -> None:
    weights, state = {}, {}
    parameters = list(model.parameters())
    for name, tensor in tensors.items():
        kind, rest = name.split(".", 1)
        if kind == "model":
            weights[rest] = tensor
        else:
            number, moment = rest.split(".", 1)
            shape = () if moment == "step" else parameters[int(number)].shape
            if moment not in MOMENTS or tensor.shape != shape:
                raise ValueError(f"{name} of shape {tuple(tensor.shape)}")
            if tensor.ndim > 0:  # fused AdamW wants the memory layout of the parameter
                tensor = torch.empty_like(parameters[int(number)]).copy_(tensor)
            state.setdefault(int(number), {})[moment] = tensor
    model.load_state_dict(weights)
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})

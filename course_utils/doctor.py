"""What is installed, on which device, and how long each lesson takes on this machine."""

import platform
import time
from importlib.metadata import PackageNotFoundError, requires, version

import torch

from course_utils.network import ColorizationNet
from course_utils.plumbing.lessons import LESSON_SECONDS

PROBE_SECONDS = 5.0


def versions() -> str:
    """Python, the packages that the course needs, and the device.

    Raises:
        ValueError: the course is not installed.
    """
    lines = [f"Python {platform.python_version()} on {platform.system()} ({platform.machine()})"]
    try:
        wanted = requires("colorization-course") or []
    except PackageNotFoundError:
        raise ValueError("the course is not installed here; run `python3 start.py`") from None
    for name in sorted(each.split(">=")[0].strip() for each in wanted if "extra ==" not in each):
        try:
            lines.append(f"  {name:14} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"  {name:14} missing; run `python3 start.py`")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    threads = torch.get_num_threads()
    cpu = f"CPU, {threads} thread{'s' * (threads > 1)}; every lesson runs on it"
    lines.append(f"Device: {gpu or cpu}")
    return "\n".join(lines)


def probe(steps: int = 80) -> float:
    """Time a short training run on the CPU, in seconds; training dominates the lessons' time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net, lightness = ColorizationNet(0.25), torch.rand(32, 1, 32, 32) * 100
    net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters())
    began = time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        net(lightness).square().mean().backward()
        optimizer.step()
    return time.perf_counter() - began


def lesson_times() -> str:
    """Estimate with `probe` how long Run All of each lesson takes on this machine."""
    slower = probe() / PROBE_SECONDS
    lines, wide = ["Run All of each lesson takes here about"], max(map(len, LESSON_SECONDS))
    for lesson, seconds in LESSON_SECONDS.items():
        here = seconds * slower
        time = f"{here:.0f} seconds" if here < 90 else f"{here / 60:.0f} minutes"
        lines.append(f"  {lesson:{wide}} {time}")
    return "\n".join(lines)

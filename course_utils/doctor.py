"""What is installed, on which device, and how long each lesson takes on this machine."""

import platform
import time
from importlib.metadata import PackageNotFoundError, requires, version

import torch
from torch.nn import functional as F

from course_utils.network import AB_SCALE, ColorizationNet

LESSON_SECONDS = {  # what Run All takes where the probe takes PROBE seconds
    "00_start_here": 10,
    "01_lab_color": 15,
    "02_data": 20,
    "03_dilated_cnn": 20,
    "04_l2_training": 90,
    "05_results": 20,
    "06_color_as_classification": 20,
}
PROBE = 5.0


def versions() -> str:
    """Python, the packages that the course needs, and the device, a line each.

    Raises:
        ValueError: the course is not installed.
    """
    lines = [f"Python {platform.python_version()} on {platform.system()} ({platform.machine()})"]
    try:
        wanted = requires("colorization-course") or []
    except PackageNotFoundError:
        raise ValueError("the course is not installed here; run `python3 start.py`") from None
    for name in sorted(each.split(">=")[0].strip() for each in wanted if "extra ==" not in each):
        lines.append(f"  {name:14} {version(name)}")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    threads = torch.get_num_threads()
    lines.append(f"Device: {gpu or f'CPU, {threads} threads; every lesson runs on it'}")
    return "\n".join(lines)


def probe() -> float:
    """Seconds for what most of a lesson's time goes to: the training of a small network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = ColorizationNet(0.25)
        lab = torch.rand(32, 3, 32, 32) * 100
    net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)
    began = time.perf_counter()
    for _ in range(STEPS):
        loss = F.mse_loss(net(lab[:, :1]) / AB_SCALE, lab[:, 1:] / AB_SCALE)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - began

"""RGB to Lab and back, beside scikit-image, kornia and OpenCV: `python benchmarks/color.py`.

32 photographs of 256 x 256, 8 bits in and, on the way back, 8 bits out. Every peer converts
image by image or all at once, whichever is faster for it, in turns with the others; the best of
its turns counts. The error is the largest difference from scikit-image in float64 over the 16.7
million 8-bit colors. Peers that are not installed are left out:
`uv pip install kornia opencv-python-headless`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import skimage.color
import torch

from course_utils import color
from course_utils.photos import SAMPLES, sample_photo

ROUNDS = 7
Convert = Callable[[torch.Tensor], torch.Tensor]


class Peer(NamedTuple):
    name: str
    to_lab: Convert  # 8-bit RGB to Lab
    to_rgb: Convert  # and back to 8 bits
    channel: int  # which dimension it wants the channels in
    lab_type: torch.dtype = torch.float32


def by_torch(rgb: torch.Tensor) -> torch.Tensor:
    """Our formula without slabs and numpy; this is what `torch.compile` is given."""
    return color.linear_to_lab(color.srgb_decode(rgb.float() / 255))


def back_by_torch(lab: torch.Tensor) -> torch.Tensor:
    return to_bytes(color.srgb_encode(color.lab_to_linear(lab).clamp(0, 1)))


def to_bytes(rgb: torch.Tensor) -> torch.Tensor:
    return (rgb * 255).round().to(torch.uint8)


def peers() -> Iterator[Peer]:
    yield Peer(
        "scikit-image, float64",
        lambda rgb: torch.from_numpy(skimage.color.rgb2lab(rgb.numpy())),
        lambda lab: to_bytes(torch.from_numpy(skimage.color.lab2rgb(lab.numpy()))),
        -1,
        torch.float64,
    )
    try:
        from kornia.color import lab_to_rgb, rgb_to_lab

        yield Peer(
            "kornia",
            lambda rgb: rgb_to_lab(rgb.float() / 255),
            lambda lab: to_bytes(lab_to_rgb(lab)),
            -3,
        )
    except ImportError:
        print("kornia: not installed")
    try:
        import cv2

        cv2.setNumThreads(torch.get_num_threads())

        def convert(image: torch.Tensor, code: int) -> torch.Tensor:  # it wants two dimensions
            flat = image.reshape(-1, image.shape[-2], 3).numpy()
            return torch.from_numpy(cv2.cvtColor(flat, code)).reshape(image.shape)

        yield Peer(
            "OpenCV, float32",
            lambda rgb: convert(rgb.float() / 255, cv2.COLOR_RGB2Lab),
            lambda lab: to_bytes(convert(lab, cv2.COLOR_Lab2RGB).clamp(0, 1)),
            -1,
        )
    except ImportError:
        print("opencv-python-headless: not installed")
    yield Peer("ours", color.rgb_to_lab, color.lab_to_uint8, -3)
    yield Peer("ours, formula in torch", by_torch, back_by_torch, -3)
    yield Peer("ours, compiled", torch.compile(by_torch), torch.compile(back_by_torch), -3)


def seconds(convert: Convert, batch: torch.Tensor) -> float:
    began = time.perf_counter()
    convert(batch)
    all_at_once = time.perf_counter() - began
    began = time.perf_counter()
    for image in batch:
        convert(image)
    return min(all_at_once, time.perf_counter() - began)


def errors(peer: Peer, exact: Peer) -> tuple[float, int]:
    """Over all 8-bit colors: the largest error in Lab, and the largest in counts after the way
    there and back."""
    worst, counts = 0.0, 0
    green, blue = torch.meshgrid(*2 * [torch.arange(256, dtype=torch.uint8)], indexing="ij")
    for red in range(256):
        rgb = torch.stack((torch.full_like(green, red), green, blue), dim=-1)
        truth = exact.to_lab(rgb).movedim(-1, peer.channel)
        rgb = rgb.movedim(-1, peer.channel).contiguous()
        lab = peer.to_lab(rgb)
        worst = max(worst, (lab - truth).abs().max().item())
        counts = max(counts, (peer.to_rgb(lab).int() - rgb.int()).abs().max().item())
    return worst, counts


def run() -> None:
    photos = [sample_photo(name).resize((256, 256)) for name in (list(SAMPLES) * 7)[:32]]
    rgb = torch.from_numpy(np.stack(photos))  # (32, 256, 256, 3)
    lab = color.rgb_to_lab(rgb.movedim(-1, 1)).movedim(1, -1)
    rows = list(peers())
    best = {peer.name: [float("inf")] * 2 for peer in rows}
    for _ in range(ROUNDS):
        for peer in rows:
            for way, (convert, given) in enumerate(
                ((peer.to_lab, rgb), (peer.to_rgb, lab.to(peer.lab_type)))
            ):
                batch = given.movedim(-1, peer.channel).contiguous()
                best[peer.name][way] = min(best[peer.name][way], seconds(convert, batch))
    print(f"{torch.get_num_threads()} thread(s): milliseconds an image, and times as fast")
    print(f"{'':24}{'to Lab':>15}{'to RGB':>15}{'error in Lab':>15}{'counts there and back':>24}")
    for peer in rows:
        pairs = zip(best[peer.name], best[rows[0].name], strict=True)
        line = "".join(f"{1000 * ours / 32:8.2f}{theirs / ours:6.1f}x" for ours, theirs in pairs)
        lab_error, counts = errors(peer, rows[0])
        print(f"{peer.name:24}{line}{lab_error:15.5f}{counts:24}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        torch.set_num_threads(int(sys.argv[1]))
        run()
    else:  # a process for each number of threads, since libraries read it when they start
        for threads in ("1", "2"):
            limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
            subprocess.run([sys.executable, __file__, threads], env=os.environ | limits, check=True)

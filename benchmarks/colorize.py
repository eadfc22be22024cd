"""A photograph of 1024 x 768 colorized: `python benchmarks/colorize.py`.

Side by side in one run: the usual way (the network in contiguous float32, scikit-image for all of
Lab at full resolution, on the way in and out) and ours with plain bilinear upsampling, which
gives the same colors; then ours as it comes, led by the edges of L. Turns alternate, the best of
each counts. The narrow network is the trained one, the wide one has random weights, which cost as
much.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from skimage.color import lab2rgb, rgb2lab
from torch.nn import functional as F

from course_utils.colorize import colorize, load_model
from course_utils.network import ColorizationNet, bf16_is_fast
from course_utils.photos import sample_photo

WIDE, HIGH = 1024, 768


@torch.inference_mode()
def usual(photo: Image.Image, net: ColorizationNet) -> Image.Image:
    lab = rgb2lab(np.asarray(photo))
    small = photo.resize(seen(photo, net.size), Image.Resampling.BICUBIC)
    L = torch.from_numpy(rgb2lab(np.asarray(small))[..., 0]).float()[None, None]
    ab = F.interpolate(net(L), (photo.height, photo.width), mode="bilinear")
    lab[..., 1:] = ab[0].permute(1, 2, 0).numpy()
    return Image.fromarray((lab2rgb(lab).clip(0, 1) * 255).round().astype(np.uint8))


def seen(photo: Image.Image, size: int) -> tuple[int, int]:
    """What `colorize` shows to the network: `size` on the shorter side, multiples of 8."""
    scale = size / min(photo.size)
    return tuple(8 * round(side * scale / 8) for side in photo.size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=7)
    turns = parser.parse_args().turns
    photo = sample_photo("coffee").resize((WIDE, HIGH))
    kind = "bfloat16" if bf16_is_fast() else "float32"
    print(f"{WIDE}x{HIGH}, {torch.get_num_threads()} threads, our convolutions in {kind}")
    for width, size in ((0.25, 64), (0.25, 256), (1.0, 256)):
        torch.manual_seed(0)
        theirs, ours = ColorizationNet(width).eval(), ColorizationNet(width).eval()
        if width == 0.25:
            theirs = load_model("landscapes", "cpu").to(memory_format=torch.contiguous_format)
        ours.load_state_dict(theirs.state_dict())
        ours.to(memory_format=torch.channels_last)
        if bf16_is_fast():
            ours.use_bfloat16()
        theirs.size = ours.size = size
        ways: dict[str, Callable[[], Image.Image]] = {
            "usual": lambda net=theirs: usual(photo, net),
            "ours, plain": lambda net=ours: colorize(photo, net, guided=False),
            "ours, led by L": lambda net=ours: colorize(photo, net),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        results = {}
        for _ in range(turns + 1):  # the first turn warms up
            for name, way in ways.items():
                began = time.perf_counter()
                results[name] = np.asarray(way(), dtype=int)
                taken[name].append(time.perf_counter() - began)
        best = {name: min(each[1:]) for name, each in taken.items()}
        print(f"\nwidth {width}, the network sees {size} px")
        for name, each in best.items():
            print(f"  {name:15}{1000 * each:8.1f} ms {best['usual'] / each:6.2f}x")
        apart = abs(results["usual"] - results["ours, plain"])
        print(
            f"  plain beside usual: {apart.mean():.2f} counts apart on average, {apart.max()} most"
        )


if __name__ == "__main__":
    main()

"""How many generated landscapes a second: `python benchmarks/scenes.py`.

One thread, sizes that the lessons use; the best of five runs of 256 scenes each.
"""

import time

import torch

from course_utils.scenes import render

torch.set_num_threads(1)
for size in (32, 64, 128):
    render(range(8), size)  # fills the tables of the palette
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        render(range(256), size)
        seconds.append(time.perf_counter() - began)
    print(f"{size:3} x {size:<3}  {256 / min(seconds):5.0f} scenes a second")

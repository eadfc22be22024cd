"""How often colors occur, and what loading a picture costs. Lesson 2."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.figures.base import BLUE, GRAY, GREEN, ORANGE, STYLE


def ab_histogram(ab: Tensor, title: str = "") -> Figure:
    """How often each color occurs, on a logarithmic scale. ab is (N, 2, H, W)."""
    a, b = (ab[:, channel].float().flatten().numpy() for channel in (0, 1))
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(5, 4))
        *_, drawn = axis.hist2d(a, b, bins=np.arange(-110, 115, 4), norm=LogNorm(), cmap="viridis")
        axis.set(xlabel="a: green (−) to red (+)", ylabel="b: blue (−) to yellow (+)", title=title)
        axis.set_aspect("equal")
        figure.colorbar(drawn, label="pixels (log scale)")
        figure.tight_layout()
    return figure


def time_bars(totals: dict[str, float], steps: dict[str, dict[str, float]]) -> Figure:
    """Milliseconds of each way as a bar, with its steps in it; what is left over is the rest.
    Steps that were timed one by one and add up to more than the whole are scaled to it."""
    shades = {"decode": GRAY, "resize": BLUE, "Lab": ORANGE, "the rest": GREEN}
    scales = {n: min(1, totals[n] / (sum(parts.values()) or 1)) for n, parts in steps.items()}
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8.5, 2.7), layout="constrained")
        left = np.zeros(len(totals))
        for step, shade in shades.items():
            width = [
                totals[name] - done
                if step == "the rest"
                else scales[name] * steps[name].get(step, 0)
                for name, done in zip(totals, left, strict=True)
            ]
            axis.barh(list(totals), np.maximum(width, 0), left=left, color=shade, label=step)
            left += np.maximum(width, 0)
        for row, (total, end) in enumerate(zip(totals.values(), left, strict=True)):
            axis.text(end, row, f"  {total:.1f} ms", va="center")
        axis.invert_yaxis()
        axis.set(xlabel="milliseconds a picture, 256 × 256", xlim=(0, 1.15 * left.max()))
        axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure

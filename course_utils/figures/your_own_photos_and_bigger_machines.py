"""What more machines bring. Lesson 8."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from course_utils.figures.base import GRAY, STYLE


def planned_speeds(plan: dict[str, dict[int, float]]) -> Figure:
    """Pictures per second by the number of GPUs, beside ideal linear scaling.

    Args:
        plan: name of a link -> number of GPUs, starting with 1 -> pictures per second. At most
            three links; the last one has the most GPUs.
    """
    counts = list(list(plan.values())[-1])
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.6, 4), layout="constrained")
        one = next(iter(plan.values()))[1]
        ideal = (counts[-1], counts[-1] * one)
        axis.plot((1, ideal[0]), (one, ideal[1]), color=GRAY, linestyle="--")
        axis.annotate("ideal", ideal, (6, 4), textcoords="offset points")
        for (name, speeds), marker in zip(plan.items(), "os^", strict=False):
            (line,) = axis.plot(list(speeds), list(speeds.values()), marker=marker)
            end = list(speeds.items())[-1]
            place, side = ((6, -8), "left") if end[0] == counts[-1] else ((-8, 8), "right")
            style = {"color": line.get_color(), "textcoords": "offset points", "ha": side}
            axis.annotate(name, end, place, **style)
        axis.set(xscale="log", yscale="log", xlim=(0.9, 6.5 * counts[-1]), xlabel="GPUs")
        axis.set(ylabel="pictures of 256 px a second, planned", xticks=counts, xticklabels=counts)
        axis.minorticks_off()
    return figure

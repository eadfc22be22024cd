"""Static figures, a module a lesson. Each function returns a matplotlib figure; `show` displays it.

`show` takes a text, too, for those who cannot see the figure.
"""

from course_utils.figures.base import (
    BLUE,
    GRAY,
    GREEN,
    INK,
    ORANGE,
    STYLE,
    gallery,
    gray_of,
    row,
    show,
    to_pixels,
)
from course_utils.figures.data import ab_histogram, time_bars
from course_utils.figures.dilated_cnn import effective_dilation, layer_costs, maps
from course_utils.figures.l2_training import (
    cost_of_answers,
    loss_curve,
    range_test,
    recipe_curves,
)
from course_utils.figures.lab_color import channels
from course_utils.figures.results import chroma_curve, comparison, error_spread

__all__ = [
    "BLUE",
    "GRAY",
    "GREEN",
    "INK",
    "ORANGE",
    "STYLE",
    "ab_histogram",
    "channels",
    "chroma_curve",
    "comparison",
    "cost_of_answers",
    "effective_dilation",
    "error_spread",
    "gallery",
    "gray_of",
    "layer_costs",
    "loss_curve",
    "maps",
    "range_test",
    "recipe_curves",
    "row",
    "show",
    "time_bars",
    "to_pixels",
]

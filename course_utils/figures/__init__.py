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
    row,
    show,
    to_gray,
    to_pixels,
)
from course_utils.figures.classification import (
    bin_maps,
    possible_colors,
    timeline,
    validation_curves,
)
from course_utils.figures.data import ab_histogram, batch_channels, right_answers, time_bars
from course_utils.figures.dilated_cnn import (
    effective_dilation,
    four_ways,
    layer_costs,
    maps,
    outlined,
    signal_by_block,
    tap_counts,
)
from course_utils.figures.l2_training import cost_of_answers, loss_curve, range_test, recipe_curves
from course_utils.figures.lab_color import channels, near_black
from course_utils.figures.results import chroma_curve, comparison, error_spread
from course_utils.figures.you_hold_the_brush import carried, error_by_hints, touched
from course_utils.figures.your_own_photos_and_bigger_machines import planned_speeds

__all__ = [
    "BLUE",
    "GRAY",
    "GREEN",
    "INK",
    "ORANGE",
    "STYLE",
    "ab_histogram",
    "batch_channels",
    "bin_maps",
    "carried",
    "channels",
    "chroma_curve",
    "comparison",
    "cost_of_answers",
    "effective_dilation",
    "error_by_hints",
    "error_spread",
    "four_ways",
    "gallery",
    "layer_costs",
    "loss_curve",
    "maps",
    "near_black",
    "outlined",
    "planned_speeds",
    "possible_colors",
    "range_test",
    "recipe_curves",
    "right_answers",
    "row",
    "show",
    "signal_by_block",
    "tap_counts",
    "time_bars",
    "timeline",
    "to_gray",
    "to_pixels",
    "touched",
    "validation_curves",
]

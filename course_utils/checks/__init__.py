"""Checks for the exercises: what is right, or what was expected, what came, and a hint.

A check prints one line or two and never raises at the learner. An untouched stub (which is
or returns `...`) is "not tried yet". Where an answer equals what a well-known mistake gives,
the hint names the mistake. A module for each lesson.
"""

from course_utils.checks.color_as_classification import (
    annealed_mean,
    counts_most,
    patchy,
    soft_encoded,
)
from course_utils.checks.data import dataset, doubles, first_n, split, thresholds
from course_utils.checks.dilated_cnn import (
    block,
    costs,
    far_sight,
    horizon,
    which_layers,
)
from course_utils.checks.l2_training import (
    broken_loops,
    kept_epoch,
    training_step,
    wrong_under_l2,
)
from course_utils.checks.lab_color import (
    hue_and_chroma,
    lookalikes,
    near_black,
    rgb_to_lab,
    same_lightness,
    srgb_decode,
)
from course_utils.checks.results import auc, colorfulness, upper_b, worse_of_two
from course_utils.checks.start_here import colorized, what_is_guessed
from course_utils.checks.you_hold_the_brush import (
    hint_weights,
    stopped_leak,
    system_row,
    three_hints,
)
from course_utils.checks.your_own_photos_and_bigger_machines import (
    all_reduce_seconds,
    card,
    my_shards,
    stretched,
    trimmed,
)

__all__ = [
    "all_reduce_seconds",
    "annealed_mean",
    "auc",
    "block",
    "broken_loops",
    "card",
    "colorfulness",
    "colorized",
    "costs",
    "counts_most",
    "dataset",
    "doubles",
    "far_sight",
    "first_n",
    "hint_weights",
    "horizon",
    "hue_and_chroma",
    "kept_epoch",
    "lookalikes",
    "my_shards",
    "near_black",
    "patchy",
    "rgb_to_lab",
    "same_lightness",
    "soft_encoded",
    "split",
    "srgb_decode",
    "stopped_leak",
    "stretched",
    "system_row",
    "three_hints",
    "thresholds",
    "training_step",
    "trimmed",
    "upper_b",
    "what_is_guessed",
    "which_layers",
    "worse_of_two",
    "wrong_under_l2",
]

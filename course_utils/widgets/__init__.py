"""Interactive figures, a module a lesson: controls above a picture, and what it shows in words."""

from course_utils.widgets.classification import temperature_explorer
from course_utils.widgets.data import gray_finder
from course_utils.widgets.dilated_cnn import kernel_taps, receptive_fields
from course_utils.widgets.explorer import Explorer, Guess
from course_utils.widgets.judging import color_distance
from course_utils.widgets.l2_training import TrainingMonitor, epoch_scrubber
from course_utils.widgets.lab_color import AbPlane, ColorResolution, PhotoChannels, TwoPhotos
from course_utils.widgets.real_or_colored import real_or_colored
from course_utils.widgets.results import PhotoPicker, results_browser

__all__ = [
    "AbPlane",
    "ColorResolution",
    "Explorer",
    "Guess",
    "PhotoChannels",
    "PhotoPicker",
    "TrainingMonitor",
    "TwoPhotos",
    "color_distance",
    "epoch_scrubber",
    "gray_finder",
    "kernel_taps",
    "real_or_colored",
    "receptive_fields",
    "results_browser",
    "temperature_explorer",
]

"""The package behind the colorization course.

The modules that the lessons use, in the order of the course:

    photos        a file -> 8-bit sRGB                               lesson 2
    color         sRGB <-> Lab, gamut, color differences             lesson 1
    scenes        landscapes whose colors are known                  lesson 2
    data          photographs -> batches                             lesson 2
    network       the layer table, and the network built from it     lesson 3
    architecture  the layer table, read off a network                lesson 3
    bins          the 313 bins of ab                                 lesson 6
    losses        L2 and cross-entropy                               lessons 4, 6
    recipe        what decides a training, and its history           lesson 4
    training      the training loop                                  lesson 4
    metrics       errors, and baselines to beat                      lesson 5
    upsampling    colors enlarged, led by the edges of L             lesson 5
    colorize      a photo of any size -> a color photo               lesson 5
    hints         a person colors some places, the rest follows      lesson 7

Supporting modules: `figures`, `tables`, `widgets` and `checks` for the notebooks, `my_network`,
`album`, `doctor`, `cli`. No lesson uses `plumbing` directly.
"""

from importlib import import_module

_START = {  # what a notebook starts with -> its module
    "ColorizationNet": "network",
    "TrainConfig": "recipe",
    "evaluate": "metrics",
    "fit": "training",
    "load_dataset": "data",
    "load_model": "colorize",
    "photo_to_lab": "photos",
    "sample_photo": "photos",
}
__all__ = sorted([*_START, "colorize"])  # the module, which is callable too


def __getattr__(name: str) -> object:
    """Import a name's module when it is first asked for, so that `course --help` needs no torch."""
    if name == "colorize":
        return import_module(f"{__name__}.colorize")
    if name not in _START:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_START[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

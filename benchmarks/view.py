"""How large a copy of a photograph should the network see? `python benchmarks/view.py FOLDER`.

Colorizes photographs as `course colorize` does, with views of several sizes (the shorter side, in
pixels), and prints MSE(ab) over all pixels of each photograph: for those below FOLDER, and for the
samples, whose shorter sides are 300 to 600 pixels. A view larger than a photograph is enlarged, and
so shows nothing new: what larger views bring, only larger photographs can tell.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from course_utils.colorize import colorize, load_model
from course_utils.metrics import mse_ab
from course_utils.photos import SAMPLES, all_files, photo_to_lab, read_photo, sample_photo
from course_utils.plumbing.progress import progress_bar

VIEWS = (64, 96, 128, 192, 256)


def errors(photo: Image.Image, model) -> list[float]:
    """MSE(ab) of one photograph, for each view; the first is that of gray."""
    ab = photo_to_lab(photo)[1:]
    guesses = (photo_to_lab(colorize(photo, model, size))[1:] for size in VIEWS)
    return [mse_ab(0 * ab, ab), *(mse_ab(guess, ab) for guess in guesses)]


def mean_row(photos: Iterable[Image.Image], model) -> list[float]:
    rows = [errors(photo, model) for photo in progress_bar(iterable=photos, desc="photographs")]
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of photographs to measure on")
    parser.add_argument("--weights", default="photographs")
    parser.add_argument("--every", type=int, default=4, help="take every so many of them")
    asked = parser.parse_args()
    model = load_model(asked.weights)
    table = {name: mean_row([sample_photo(name)], model) for name in SAMPLES}
    table["the samples"] = [sum(each) / len(SAMPLES) for each in zip(*table.values(), strict=True)]
    files = all_files(asked.folder)[:: asked.every]
    table[f"{len(files)} of {asked.folder.name}"] = mean_row(map(read_photo, files), model)
    print(f"{'MSE(ab), view of':24}{'gray':>7}", *(f"{view:7}" for view in VIEWS), sep="")
    for name, row in table.items():
        print(f"{name:24}", *(f"{error:7.1f}" for error in row), sep="")


if __name__ == "__main__":
    main()

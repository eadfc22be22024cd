"""The game of lesson 5: of two pictures of one photo, which has its own colors?"""

import random
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import cycle, islice
from pathlib import Path

from PIL import Image

from course_utils.colorize import colorize
from course_utils.data import GRAY_CHROMA
from course_utils.network import ColorizationNet
from course_utils.photos import (
    SAMPLES,
    all_files,
    is_named_picture,
    mean_chroma,
    photo_to_lab,
    read_photo,
    sample_photo,
)
from course_utils.widgets.explorer import Explorer, Guess
from course_utils.widgets.pictures import paper, strip, titled, write

ANSWERS = "the first", "the second"
CORNERS = 0, 1  # the upper left square of a photo, and the lower right one
SIDE = 0.8  # of the photo's shorter side
PAPER = "In the study of the 2016 paper L2 fooled people 21 % of the time, its best network 32 %"
OWN, LONGEST = 20, 1024  # photographs of the reader's own; pixels of their longer side


def real_or_colored(
    model: ColorizationNet,
    folder: str | Path | None = None,
    size: int = 256,
    seed: int | None = None,
) -> Explorer:
    """A second of each picture, then the reader says which was real. Their mistakes are counted
    beside those of the people whom Zhang et al. (2016, table 1) asked. Two rounds a photo.

    Args:
        model: from `colorize.load_model`.
        folder: with photographs of the reader's own; up to `OWN` of them join the samples.
        size: of a picture, in pixels.
        seed: of the order of the rounds; another at each call where it is None.
    """
    chance = random.Random(seed)
    photos = [sample_photo(name) for name in SAMPLES]
    if folder is not None:
        files = [file for file in all_files(Path(folder)) if is_named_picture(file)]
        photos += islice(_colored(chance.sample(files, len(files))), OWN)
    rounds = [(photo, corner, chance.choice(ANSWERS)) for photo in photos for corner in CORNERS]
    chance.shuffle(rounds)

    @lru_cache(maxsize=2)
    def pair(number: int) -> tuple[list[Image.Image], str]:
        """The two pictures of a round, counted from 1, and which of them is real."""
        photo, corner, real = rounds[(number - 1) % len(rounds)]
        both = [_square(image, corner, size) for image in (photo, colorize(photo, model))]
        return both if real == ANSWERS[0] else both[::-1], real

    def render(guess: tuple[str, ...]) -> tuple[Image.Image | list[Image.Image], str]:
        if not guess:
            words = "Press the button, and look: each picture stays for one second."
            return _note(size, "Ready?"), words
        pictures, real = pair(len(guess))
        if guess[-1] == "":
            shown = [_note(size, "Look here."), *pictures, _note(size, "Which one was real?")]
            return shown, "Which one had the colors of the camera?"
        wrong = sum(
            given != true for given, (_, _, true) in zip(guess, cycle(rounds), strict=False)
        )
        titles = ["real" if answer == real else "colored" for answer in ANSWERS]
        verdict = "Right" if guess[-1] == real else "Fooled"
        return strip([titled(*each) for each in zip(pictures, titles, strict=True)]), (
            f"{verdict}: {real} was real. Fooled in {wrong} of {len(guess)} rounds "
            f"({wrong / len(guess):.0%}). {PAPER}; perfect colors would fool them 50 %."
        )

    return Explorer(render, guess=Guess("Show me two", ANSWERS))


def _colored(files: Iterable[Path]) -> Iterator[Image.Image]:
    """Those that can be read, and have colors; no larger than the game needs them."""
    for file in files:
        with suppress(ValueError):
            photo = read_photo(file)
            photo.thumbnail((LONGEST, LONGEST))
            if mean_chroma(photo_to_lab(photo)) >= GRAY_CHROMA:
                yield photo


def _square(photo: Image.Image, corner: int, size: int) -> Image.Image:
    side = round(SIDE * min(photo.size))
    left, top = (corner * (length - side) for length in photo.size)
    return photo.resize((size, size), box=(left, top, left + side, top + side))


def _note(size: int, text: str) -> Image.Image:
    note = paper(size, size)
    write(note, (size / 2, size / 2), text, anchor="mm")
    return note

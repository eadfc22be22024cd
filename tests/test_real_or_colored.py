import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from course_utils.colorize import load_model
from course_utils.network import ColorizationNet
from course_utils.photos import SAMPLES, sample_path, sample_photo
from course_utils.widgets import Explorer, real_or_colored
from course_utils.widgets.real_or_colored import ANSWERS


@pytest.fixture(scope="module")
def model() -> ColorizationNet:
    return load_model("landscapes", "cpu")


def frames(game: Explorer) -> list[np.ndarray]:
    picture = Image.open(io.BytesIO(game.picture.value))
    return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(picture)]


def originals(photos: list[Image.Image], size: int) -> list[np.ndarray]:
    """Every picture of the game that has its own colors."""
    found = []
    for photo in photos:
        side, (wide, high) = round(0.8 * min(photo.size)), photo.size
        for box in ((0, 0, side, side), (wide - side, high - side, wide, high)):
            found.append(np.asarray(photo.resize((size, size), box=box)))
    return found


def test_the_real_one_is_pixel_for_pixel_a_crop_and_each_comes_once(model: ColorizationNet) -> None:
    known = originals([sample_photo(name) for name in SAMPLES], 64)
    game, rounds, fooled = real_or_colored(model, size=64, seed=3), [], 0
    for number in range(1, len(known) + 1):
        game.controls["guess"].ask()
        assert "real" not in game.text  # nothing is given away
        _, *pictures, _ = frames(game)
        places = [[np.array_equal(one, each) for each in known] for one in pictures]
        [(side, crop)] = np.argwhere(places).tolist()
        rounds.append(crop)
        game.controls["guess"].choose(ANSWERS[0])
        fooled += side != 0
        assert game.text.startswith(("Right", "Fooled")[side] + f": {ANSWERS[side]} was real.")
        assert f"Fooled in {fooled} of {number} rounds" in game.text
    assert sorted(rounds) == list(range(len(known))) and len(known) >= 12
    assert 0 < fooled < len(known)


def test_each_picture_stays_for_a_second_and_the_question_for_good(model: ColorizationNet) -> None:
    game = real_or_colored(model, size=32)
    game.controls["guess"].ask()
    animation = Image.open(io.BytesIO(game.picture.value))
    assert animation.n_frames == 4 and animation.info["loop"] == 1
    for number in range(3):
        animation.seek(number)
        assert animation.info["duration"] == 1000


def test_photographs_of_ones_own_join_where_they_have_colors(
    model: ColorizationNet, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(sample_path("cat").read_bytes()[:900])
    (tmp_path / "notes.txt").write_text("no picture")
    sample_photo("coffee").convert("L").save(tmp_path / "gray.png")
    mine = sample_photo("coffee").rotate(180)
    mine.save(tmp_path / "mine.png")
    game = real_or_colored(model, tmp_path, size=32)
    known = [*map(bytes, originals([mine], 32))]
    found = 0
    for _ in range(2 * (len(SAMPLES) + 1)):
        game.controls["guess"].ask()
        found += sum(bytes(each) in known for each in frames(game))
        game.controls["guess"].choose(ANSWERS[1])
    assert found == 2

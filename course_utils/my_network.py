"""A folder of the reader's own photographs, and the network that goes on with them. Lessons 2, 4,
5 and 8.

Both lie in `data_home()`: each lesson finds what an earlier one made, and runs without it too.
"""

import random
import tempfile
from pathlib import Path

from PIL import Image

from course_utils.colorize import load_model
from course_utils.data import load_dataset
from course_utils.metrics import baselines, evaluate
from course_utils.network import ColorizationNet
from course_utils.photos import SAMPLES, sample_photo
from course_utils.plumbing.files import data_home, make_folder
from course_utils.plumbing.weights import save_weights
from course_utils.recipe import History

PIECES = {"train": (0, 0.55, 10), "val": (0.55, 1, 2)}  # from, to (shares of the width), how many
SIZE = 64  # pixels at which lesson 4 trains, and the card measures


def my_photos() -> Path:
    """The folder of the reader's photographs. Where it is missing, an album is made in it."""
    folder = data_home() / "my_photos"
    if not folder.exists():
        # Whole or not at all: a folder that is there is taken for the reader's.
        with tempfile.TemporaryDirectory(dir=make_folder(folder.parent)) as made:
            make_album(Path(made, "album"))
            Path(made, "album").rename(folder)
    return folder


def make_album(folder: Path) -> None:
    """Pieces of the samples, and with them the troubles of a real folder.

    Two pieces of one photograph may overlap, and a split by content would not notice. So those in
    train/ are from its left and those in val/ from its right, like two photographs of one scene.
    """
    rng = random.Random(0)
    for split, (left, right, count) in PIECES.items():
        (folder / split).mkdir(parents=True)
        for name in SAMPLES:
            photo = sample_photo(name)
            part = photo.crop(
                (round(left * photo.width), 0, round(right * photo.width), photo.height)
            )
            for number in range(count):
                ending = rng.choice(("jpg", "png", "webp"))
                piece(part, rng).save(folder / split / f"{name}_{number}.{ending}")
    train = folder / "train"
    sample_photo("astronaut").convert("L").save(train / "gray.png")
    sample_photo("coffee").convert("P").crop((0, 0, 360, 400)).save(train / "palette.gif")
    whole = (train / "gray.png").read_bytes()
    (train / "cut_off.png").write_bytes(whole[: len(whole) // 2])
    (train / "really_text.jpg").write_text("not a picture")


def piece(photo: Image.Image, rng: random.Random) -> Image.Image:
    """A random square, its side 70 to 100 % of the photograph's shorter one."""
    side = round(min(photo.size) * rng.uniform(0.7, 1))
    left, top = (rng.randint(0, length - side) for length in photo.size)
    return photo.crop((left, top, left + side, top + side))


def place(name: str, ending: str) -> Path:
    return data_home() / "my_networks" / f"{name}.{ending}"


def keep(history: History, name: str) -> None:
    """Keep a network and its history for later lessons; "from nothing" and "mine" are shown."""
    make_folder(place(name, "jsonl").parent)
    save_weights(history.model, place(name, "safetensors"), size=history.config.size)
    history.save(place(name, "jsonl"))


def my_networks() -> dict[str, ColorizationNet]:
    """Name -> network on the CPU: "from nothing" and "mine", where lesson 4 has made them, and
    between them "photographs", which ships."""
    files = {name: place(name, "safetensors") for name in ("from nothing", "mine")}
    files = {"from nothing": files["from nothing"], "photographs": "photographs", **files}
    return {
        name: load_model(file, "cpu")
        for name, file in files.items()
        if name == "photographs" or file.exists()
    }


def network_card(data: str, use: str, limits: str) -> str:
    """The card of the reader's network, in Markdown; of `photographs` where there is none yet.

    What can be measured is measured, on the validation pictures of `my_photos`, beside gray and
    the network that it went on from.

    Args:
        data: whose photographs it learned from, and with what right.
        use: what it is for.
        limits: where it fails.
    """
    train, val = (load_dataset(my_photos(), SIZE, split) for split in ("train", "val"))
    networks = my_networks()
    networks.pop("from nothing", None)
    model = networks.get("mine", networks["photographs"])
    training = "none yet: `photographs` as it ships"
    if "mine" in networks:
        rows = History.load(place("mine", "jsonl")).rows
        minutes = sum(row["seconds"] for row in rows) / 60
        training = f"went on from `photographs`: {len(rows)} epochs, {minutes:.1f} minutes"
    lines = [
        "# The card of my network\n",
        "| | |",
        "|---|---|",
        f"| network | width {model.width:g}, {model.head}, "
        f"{sum(each.numel() for each in model.parameters()):,} parameters |",
        f"| data | {data} |",
        f"| pictures | {len(train)} to train on, {len(val)} to validate |",
        f"| training | {training} |",
        f"| use | {use} |",
        f"| limits | {limits} |\n",
        f"On the {len(val)} validation photographs, {SIZE}x{SIZE}, each with its own L:\n",
        "| | MSE(ab) (95 %) | AuC % |",
        "|---|---|---|",
    ]
    for name, each in (*reversed(networks.items()), ("gray", baselines(train)["gray"])):
        row = evaluate(each, val)
        low, high = row["intervals"]["mse_ab"]
        figures = f"{row['mse_ab']:.0f} ({low:.0f} to {high:.0f}) | {100 * row['auc']:.2f}"
        lines.append(f"| {name} | {figures} |")
    return "\n".join(lines) + "\n"

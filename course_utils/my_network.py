"""The reader's own photographs, and the network that is fine-tuned on them. Lessons 2, 4, 5 and 8.

Both are stored in `data_home()`. A lesson uses what earlier ones made, but does not require it.
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

PIECES = {"train": (0, 0.55, 10), "val": (0.55, 1, 2)}  # from, to (fractions of the width), count
SIZE = 64  # pixels, in lesson 4's training and in the network card


def my_photos() -> Path:
    """The folder of the reader's photographs; a sample album is created if it does not exist."""
    folder = data_home() / "my_photos"
    if not folder.exists():
        # Atomic: a folder that exists is taken for the reader's.
        with tempfile.TemporaryDirectory(dir=make_folder(folder.parent)) as made:
            make_album(Path(made, "album"))
            Path(made, "album").rename(folder)
    return folder


def make_album(folder: Path) -> None:
    """Make an album of pieces of the samples, with the defects of a real folder.

    Pieces of one photograph can overlap, which a split by content would miss. So train/ has pieces
    of its left part and val/ of its right part, like two photographs of one scene.
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
    """A random square crop; its side is 70 to 100 % of the photograph's shorter side."""
    side = round(min(photo.size) * rng.uniform(0.7, 1))
    left, top = (rng.randint(0, length - side) for length in photo.size)
    return photo.crop((left, top, left + side, top + side))


def place(name: str, ending: str) -> Path:
    return data_home() / "my_networks" / f"{name}.{ending}"


def keep(history: History, name: str) -> None:
    """Save a network and its history; `my_networks` lists those named "from nothing" and "mine"."""
    make_folder(place(name, "jsonl").parent)
    save_weights(history.model, place(name, "safetensors"))
    history.save(place(name, "jsonl"))


def my_networks() -> dict[str, ColorizationNet]:
    """Name -> network on the CPU: "from nothing" and "mine" if lesson 4 has saved them, and between
    them "photographs", which comes with the course."""
    files = {name: place(name, "safetensors") for name in ("from nothing", "mine")}
    files = {"from nothing": files["from nothing"], "photographs": "photographs", **files}
    return {
        name: load_model(file, "cpu")
        for name, file in files.items()
        if name == "photographs" or file.exists()
    }


def network_card(data: str, use: str, limits: str) -> str:
    """Write the model card of the reader's network, or of `photographs` if there is none yet.

    Includes measurements on the validation pictures of `my_photos`, compared with gray and with
    the network that it started from.

    Args:
        data: whose photographs it was trained on, and with what permission.
        use: its intended use.
        limits: where it fails.
    Returns:
        The card, in Markdown.
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
        ends = row["intervals"]["mse_ab"]
        span = "{:.0f} to {:.0f}".format(*ends) if ends else "too few"
        lines.append(f"| {name} | {row['mse_ab']:.0f} ({span}) | {100 * row['auc']:.2f} |")
    return "\n".join(lines) + "\n"

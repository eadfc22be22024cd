"""Hostile inputs for every door of the course, outside CI: `python tests/fuzz.py DOOR`.

Valid inputs are changed at random. Each must end in a result or in one clear error: no other
exception, nothing over 10 seconds or 1 GiB (2 GiB for photographs of more than 25 megapixels), no
file written outside the folder for results or over one that was there, no program started and no
pickle read. What breaks that stops the fuzzer, and the input is kept. With --atheris, atheris
chooses the inputs, by what code they reach.
"""

import argparse
import faulthandler
import io
import json
import os
import random
import resource
import shutil
import struct
import sys
import tempfile
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from types import FunctionType

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HOME"] = os.environ["COURSE_DATA"] = tempfile.mkdtemp(prefix="fuzz-")
os.environ["MPLCONFIGDIR"] = os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.environ["HOME"]

import numpy as np
import tifffile
import torch
from PIL import Image, ImageCms

from course_utils import cli, doctor, training
from course_utils.album import colorize_album
from course_utils.colorize import colorize, load_model
from course_utils.data import LabDataset, Report, load_dataset
from course_utils.hints import Hint
from course_utils.network import ColorizationNet
from course_utils.photos import read_photo, sample_photo
from course_utils.plumbing import download
from course_utils.plumbing.files import data_home
from course_utils.plumbing.hint_files import read_hints
from course_utils.plumbing.weights import read_network, save_weights
from course_utils.recipe import History, TrainConfig
from course_utils.scenes import render
from course_utils.widgets import (
    classification,
    dilated_cnn,
    explorer,
    judging,
    l2_training,
    real_or_colored,
    results,
)
from course_utils.widgets import data as gray

WORK = Path(os.environ["COURSE_DATA"])
SECONDS, GIB = 10, 2**30
LARGE = 25_000_000  # pixels of a photograph that may take 2 GiB
NASTY = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\x75\x30", b"\x80\0\0\0")
VALUES = (
    *(None, True, [], {}, "", "x", "\0", "\ud800", 0, -1, 7, 8, 64, 4096, 1e9, 1e308, -0.0),
    *(
        float("nan"),
        float("inf"),
        10**30,
        1e-320,
        "0.25",
        "classification",
        "regression",
        ["a"] * 9,
    ),
)
NAMES = (
    *(
        "a.jpg",
        "b c.png",
        "-x.jpg",
        "--out.png",
        "é写真.webp",
        "new\nline.png",
        "\x1b[2J.jpg",
        ".jpg",
    ),
    *(
        "A.PNG",
        "no ending",
        "a" * 240 + ".png",
        "💥" * 60 + ".gif",
        "\udcff\udcfe.jpg",
        "t\tab.tif",
    ),
    *("a.txt", "x.eps", "con.jpg", "a.jpg.part", "\u202egpj.png", "%s{0}.png", "a.b.c.bmp"),
)


class Wrong(Exception):
    """What must not happen."""


class Choices:
    """Choices that follow from bytes; where these end, they are all the first one."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def number(self, count: int) -> int:
        taken = self.data[self.place : self.place + 2]
        self.place += 2
        return int.from_bytes(taken) % count

    def of(self, options: tuple | list) -> object:
        return options[self.number(len(options))]

    def rest(self) -> bytes:
        return self.data[self.place :]


def watch(event: str, arguments: tuple) -> None:
    """Called by Python on what a program does outside itself."""
    if not watch.on:
        return
    if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "pickle.find_class"):
        raise Wrong(f"{event} {arguments}")
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 0b11
    if writes or event in (
        "os.rename",
        "os.remove",
        "os.mkdir",
        "os.rmdir",
        "os.link",
        "os.symlink",
    ):
        path = arguments[1] if event == "os.rename" else arguments[0]
        within = event in ("os.remove", "os.rmdir", "os.mkdir") and arguments[-1] != -1
        if isinstance(path, str | bytes | os.PathLike) and not within:
            real = os.path.realpath(os.fsdecode(path))
            if not real.startswith((str(WORK), "/dev/")):
                raise Wrong(f"{event} {real}")


watch.on = False


def mutated(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Valid bytes, changed in some places."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place = rng.randrange(len(changed) + 1) if rng.random() < 0.5 else rng.randrange(64)
        kind = rng.randrange(6)
        if kind == 0:
            changed[place : place + 1] = rng.randbytes(1)
        elif kind == 1:
            changed[place : place + 4] = rng.choice(NASTY)
        elif kind == 2:
            changed[place:place] = rng.randbytes(rng.randrange(9))
        elif kind == 3:
            del changed[place : place + rng.randrange(1, 33)]
        elif kind == 4 and place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
        elif rng.random() < 0.2:
            other = rng.choice(others)
            changed[place:] = other[rng.randrange(len(other) + 1) :]
    if rng.random() < 0.05:
        del changed[rng.randrange(len(changed) + 1) :]
    if data[:4] == b"\x89PNG" and rng.random() < 0.7:
        return with_checksums(bytes(changed))
    return bytes(changed)


def with_checksums(png: bytes) -> bytes:
    """A PNG file whose chunks have the right checksums, so that more than these is tried."""
    made, place = bytearray(png[:8]), 8
    while place + 8 <= len(png):
        length = int.from_bytes(png[place : place + 4])
        chunk = png[place + 4 : place + 8 + length]
        made += png[place : place + 4] + chunk + struct.pack(">I", zlib.crc32(chunk))
        place += length + 12
    return bytes(made)


def pictures() -> list[bytes]:
    """Small photographs of every kind that Pillow writes."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    other = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    other = other.replace("sRGB".encode("utf-16-be"), "sRGX".encode("utf-16-be"))
    photo = sample_photo("cat").resize((24, 16))
    kinds = [
        *(("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *(("PNG", "RGB", {"exif": exif}), ("PNG", "RGB", {"icc_profile": other})),
        *(("JPEG", mode, {"exif": exif}) for mode in ("L", "RGB", "CMYK")),
        *(("JPEG", "RGB", {"progressive": True}), ("JPEG", "RGB", {"icc_profile": profile})),
        *(("TIFF", "RGB", {"compression": each}) for each in ("raw", "tiff_lzw", "jpeg")),
        *(("TIFF", mode, {}) for mode in ("F", "I", "I;16", "CMYK", "LAB", "RGBA")),
        *(("WEBP", "RGBA", {"exif": exif}), ("WEBP", "RGB", {"save_all": True})),
        *((kind, "RGB", {}) for kind in ("AVIF", "BMP", "GIF", "JPEG2000", "PCX", "PPM", "SGI")),
        *(("TGA", "RGBA", {"compression": "tga_rle"}), ("QOI", "RGBA", {}), ("DIB", "P", {})),
        *(("MPO", "RGB", {"save_all": True, "append_images": [photo]}), ("EPS", "RGB", {})),
    ]
    files = []
    for kind, mode, options in kinds:
        file = io.BytesIO()
        try:
            if mode == "LAB":
                image = ImageCms.profileToProfile(
                    photo,
                    ImageCms.createProfile("sRGB"),
                    ImageCms.createProfile("LAB"),
                    outputMode="LAB",
                )
            else:
                image = photo.convert("I" if mode == "I;16" else mode).convert(mode)
            image.save(file, kind, **options)
            files.append(file.getvalue())
        except (OSError, KeyError, ValueError):
            print(f"left out: {kind} {mode}")
    dice = np.random.default_rng(0)
    for kind, options in (
        ("u2", {"compression": "zlib", "predictor": True, "tile": (16, 16)}),
        ("u2", {"planarconfig": "separate"}),
        ("f8", {"compression": "zlib"}),
        ("u4", {"bigtiff": True, "byteorder": ">", "iccprofile": other}),
    ):
        file = io.BytesIO()
        planes = (3, 16, 24) if "planarconfig" in options else (16, 24, 3)
        values = (dice.random(planes) * (1 if kind == "f8" else 60000)).astype(kind)
        tifffile.imwrite(file, values, photometric="rgb", **options)
        files.append(file.getvalue())
    return files


def one_line(error: ValueError, name: str) -> str:
    if "\n" in str(error).replace("new\nline", "") or ": expected" not in str(error):
        raise Wrong(f"no clear error: {error}") from error
    if name and not str(error).startswith(name):
        raise Wrong(f"does not name {name}: {error}") from error
    return "error"


class Doors:
    """Each takes bytes and returns what became of them."""

    def __init__(self) -> None:
        self.model = ColorizationNet(0.02).eval()
        self.model.size = 16
        self.pictures = pictures()
        save_weights(self.model, WORK / "w.safetensors", size=16)
        save_weights(self.model, WORK / "small.safetensors", small=True, size=16)
        two = ColorizationNet(0.02, "classification")
        save_weights(two, WORK / "two.safetensors", size=16)
        rows = [
            {
                "epoch": n,
                "train_loss": 1.0,
                "val_mse": 2.0,
                "learning_rate": 1e-3,
                "gradient_norm": 1.0,
                "seconds": 1.0,
            }
            for n in (1, 2, 3)
        ]
        History(TrainConfig(), {"gray": 3.0}, 1.5, rows, "abc").save(WORK / "history.jsonl")
        (WORK / "photos").mkdir()
        for number, photo in enumerate(self.pictures[9:15]):
            (WORK / "photos" / f"p{number}.jpg").write_bytes(photo)

    def seeds(self, door: str) -> list[bytes]:
        if door in ("photos", "uploads"):
            return self.pictures
        if door == "weights":
            return [file.read_bytes() for file in sorted(WORK.glob("*.safetensors"))]
        if door == "histories":
            return [(WORK / "history.jsonl").read_bytes()]
        if door == "hints":
            return [json.dumps([{"x": 0.4, "y": 0.6, "color": "#c03020"}] * 3).encode()]
        return [bytes(400)]

    def photos(self, data: bytes) -> str:
        path = WORK / "in" / "photo.jpg"
        path.write_bytes(data)
        try:
            photo = read_photo(path)
        except ValueError as error:
            return one_line(error, str(path))
        if photo.mode != "RGB":
            raise Wrong(photo.mode)
        if photo.width * photo.height < 2**18:
            colorize(photo, self.model)
        return "large" if photo.width * photo.height > LARGE else "result"

    def uploads(self, data: bytes) -> str:
        if not hasattr(self, "picker"):
            self.picker = results.PhotoPicker(self.model, height=32)
        try:
            photo = read_photo(data)
        except ValueError:
            pass  # the widget says so
        else:
            if photo.width * photo.height > LARGE:
                return "large"  # that it takes long has a reason
        choices = Choices(data[-4:])
        name = choices.of(NAMES)
        file = {"name": name, "type": "image/png", "size": len(data), "content": memoryview(data)}
        file["last_modified"] = datetime.now(UTC)
        picker = self.picker
        picker.controls["photo"].value = "cameraman"
        picker.result = None
        older = choices.number(2)
        upload = {name: {"content": data}} if older else (file,)
        if older:  # ipywidgets 7 gives a dict
            shown, words = picker.render(results.UPLOADED, "", upload, 32)
        else:
            picker.picture.value = b""
            picker.controls["upload"].value = upload
            shown, words = picker.picture.value or None, picker.text
        if shown is None and "expected" not in words:
            raise Wrong(words)
        return "error" if shown is None else "result"

    def weights(self, data: bytes) -> str:
        path = WORK / "in" / "weights.safetensors"
        path.write_bytes(data)
        try:
            model = read_network(path)
        except ValueError as error:
            return one_line(error, str(path))
        try:
            colorize(Image.new("RGB", (9, 9), "orange"), model, 16)
        except ValueError as error:
            return one_line(error, "")
        return "result"

    def histories(self, data: bytes) -> str:
        path = WORK / "in" / "history.jsonl"
        path.write_bytes(data)
        try:
            history = History.load(path)
        except ValueError as error:
            return one_line(error, str(path))
        if history.rows:
            f"{history.best['epoch']} {history.best['val_mse']:.1f}"
        return "result"

    def hints(self, data: bytes) -> str:
        path = WORK / "in" / "hints.json"
        path.write_bytes(data)
        try:
            touches = [Hint(*touch) for touch in read_hints(path)]
        except ValueError as error:
            return one_line(error, str(path))
        colorize(Image.new("RGB", (9, 9), "orange"), self.model, hints=touches)
        return "result"

    def folders(self, data: bytes) -> str:
        choices, outside = Choices(data), WORK / "outside.png"
        folder, out = WORK / "in" / "photos", WORK / "in" / "out"
        for each in (folder, out):
            shutil.rmtree(each, ignore_errors=True)
            each.mkdir()
        shutil.rmtree(data_home() / "cache", ignore_errors=True)
        outside.write_bytes(self.pictures[4])
        for _ in range(choices.number(5)):
            self._something(choices, folder, outside)
        if choices.number(3) == 0:
            self._something(choices, out, outside)
        before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
        goes = choices.number(4) == 0
        kinds = set()

        def on_photo(photo: Path, album: object) -> None:
            if goes:  # what comes next is gone
                for file in list(folder.iterdir())[:1]:
                    file.unlink() if file.is_symlink() or file.is_file() else None

        try:
            album = colorize_album([folder], self.model, out, on_photo=on_photo)
            kinds.add("result")
            for photo, why in album.failed.items():
                one_line(ValueError(why), str(photo))
        except ValueError as error:
            kinds.add(one_line(error, ""))
        for file, content in before.items():
            if file.read_bytes() != content:
                raise Wrong(f"{file} was overwritten")
        try:
            report = load_dataset(folder, 16, choices.of(("train", "val", "all"))).report
            if report.files != sum(1 for _ in files_below(folder)):
                raise Wrong(f"{report} of {list(files_below(folder))}")
        except ValueError as error:
            kinds.add("error")
            if ": expected" not in str(error):
                raise Wrong(f"no clear error: {error}") from error
        if outside.read_bytes() != self.pictures[4]:
            raise Wrong("a file outside was written")
        return " and ".join(sorted(kinds))

    def _something(self, choices: Choices, folder: Path, outside: Path) -> None:
        path, kind = folder / choices.of(NAMES), choices.number(12)
        if os.path.lexists(path):
            return
        try:
            if kind == 0:
                path.write_bytes(b"")
            elif kind == 1:
                path.mkdir()
                (path / "inside.png").write_bytes(self.pictures[4])
            elif kind == 2:
                path.symlink_to(path)
            elif kind == 3:
                path.symlink_to(folder)
            elif kind == 4:
                path.symlink_to(outside)
            elif kind == 5:
                path.symlink_to(folder / "nothing")
            elif kind == 6:
                os.mkfifo(path)
            elif kind == 7:
                path.symlink_to("/dev/zero")
            else:
                photo = choices.of(self.pictures)
                path.write_bytes(photo[: choices.of((None, 100, -5))])
        except OSError:  # a name that this disk does not take
            pass

    def commands(self, data: bytes) -> str:
        choices = Choices(data)
        arguments = command(choices)
        os.chdir(WORK / "in")
        said, told = io.StringIO(), io.StringIO()
        with redirect_stdout(told), redirect_stderr(said):
            try:
                code = cli.main(arguments)
            except SystemExit as stop:
                code = stop.code
        lines = [line for line in said.getvalue().splitlines() if line.startswith("course: ")]
        if code not in (0, 1, 2, 130) or "Traceback" in said.getvalue():
            raise Wrong(f"{code}: {arguments}: {said.getvalue()}")
        if code == 2 and not lines:
            raise Wrong(f"no error: {arguments}: {said.getvalue()}")
        if code == 2 and arguments[:1] != ["colorize"] and len(lines) != 1:
            raise Wrong(f"more than one error: {arguments}: {lines}")
        return {0: "result", 130: "a long run"}.get(code, "error")

    def widgets(self, data: bytes) -> str:
        if not hasattr(self, "explorers"):
            self.explorers = explorers(self.model)
        choices = Choices(data)
        widget = choices.of(self.explorers)
        for control in widget.controls.values():
            if choices.number(2):
                value = widget_value(choices, control)
                try:
                    control.value = value
                except Exception as error:
                    if type(error).__name__ != "TraitError":
                        raise
        if not isinstance(widget.text, str) or not widget.text:
            raise Wrong("no words")
        return "error" if "expected" in widget.text else "result"


def hostile_header(data: bytes, rng: random.Random) -> bytes:
    """Weights with a value in their header that no network has."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    about = json.loads(header["__metadata__"]["course"])
    if rng.random() < 0.5:
        name = rng.choice(("width", "head", "size", "temperature", "epoch"))
        about[name] = rng.choice(VALUES)
        header["__metadata__"]["course"] = json.dumps(about)
    elif rng.random() < 0.1:
        header["__metadata__"]["course"] = "[" * 100_000
    else:
        tensor = header[rng.choice(sorted(header))]
        name = rng.choice(("dtype", "shape", "data_offsets"))
        kinds = ("F64", "F8_E4M3", "BOOL", "C64", "U8", "I8", "F16")
        value = rng.choice(kinds) if name == "dtype" else rng.choice(([10**9] * 3, [0], [1, 2]))
        tensor[name] = value
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def hostile_lines(data: bytes, rng: random.Random) -> bytes:
    """A history with a value that none has."""
    lines = [json.loads(line) for line in data.splitlines()]
    line = rng.choice((*lines, lines[0]["config"], lines[0]["baselines"]))
    line[rng.choice(sorted(line))] = rng.choice(VALUES)
    if rng.random() < 0.2:
        del line[rng.choice(sorted(line))]
    return "\n".join(map(json.dumps, lines)).encode()


def changed(door: str, seed: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """The next input of a door."""
    if not seed.strip(b"\0"):
        return rng.randbytes(len(seed))
    if door in ("weights", "histories") and rng.random() < 0.5:
        return (hostile_header if door == "weights" else hostile_lines)(seed, rng)
    return mutated(seed, rng, others)


def command(choices: Choices) -> list[str]:
    """Arguments of `course`: mostly the right words, with wrong values among them."""
    numbers = (
        "8",
        "16",
        "60",
        "0",
        "-1",
        "nan",
        "inf",
        "1e9",
        "4096",
        "9" * 40,
        "0x10",
        "",
        "１６",
    )
    paths = ("photos", "w.safetensors", "nothing", "", "in", "-", "/dev/null", "/dev/zero", "a\nb")
    paths += ("two.safetensors", "history.jsonl", "~nobody/x", "x" * 300, "\udcff.jpg", "data")
    known = {
        "doctor": [],
        "progress": [],
        "data": ["WORD", "WORD"],
        "train": [
            "--data",
            "--out",
            "--size",
            "--width",
            "--head",
            "--epochs",
            "--batch-size",
            "--learning-rate",
            "--start",
            "--seed",
            "--resume",
            "--rebalanced",
        ],
        "evaluate": ["--weights", "--data", "--size", "--split", "--json", "--each"],
        "colorize": [
            "WORD",
            "--weights",
            "--out",
            "--temperature",
            "--size",
            "--format",
            "--overwrite",
        ],
    }
    name = choices.of(("colorize", "evaluate", "train", *known))
    made = [name] if choices.number(20) else []
    usual = {"--data": "photos", "--weights": "two.safetensors", "--out": "out"}
    for option in known[name]:
        if choices.number(8) == 0:
            continue
        needed = option in usual or option == "WORD"
        if not needed and choices.number(3):
            continue
        made += [] if option == "WORD" else [option]
        if option in ("--json", "--overwrite", "--resume", "--rebalanced"):
            continue
        if option in usual and choices.number(2):
            value = usual[option]
        elif option in ("--data", "--weights", "--out", "--start", "--each", "WORD"):
            value = choices.of(
                (*paths, "landscapes", "list", "fetch", "samples", "a/b", "imagenette")
            )
        elif option in ("--head", "--split", "--format"):
            value = choices.of(("classification", "all", "val", "jpg", "", "x"))
        else:
            value = choices.of((*numbers, "0.05", "0.5", "1"))
        inside = value in ("photos", "w.safetensors", "two.safetensors", "history.jsonl")
        made.append(str(WORK / value) if inside else value)
    if choices.number(10) == 0:
        made.insert(
            choices.number(len(made) + 1), choices.of(("--", "-x", "--bad=1", "\x1b[2J", "-h"))
        )
    return made


def explorers(model: ColorizationNet) -> list[explorer.Explorer]:
    made = render(range(6), 32)
    lab = torch.cat((made.L, made.ab), dim=1).half()
    scenes = LabDataset(lab, [f"scene {n}\n" for n in range(6)], Report(used=6))
    answers = torch.randint(-60, 60, (4, 6, 2, 8, 8), dtype=torch.int8)
    return [
        judging.color_distance(),
        gray.gray_finder(scenes),
        dilated_cnn.kernel_taps(),
        dilated_cnn.receptive_fields(),
        classification.temperature_explorer(load_model(WORK / "two.safetensors", "cpu")),
        results.results_browser(model, scenes),
        results.PhotoPicker(model, 32),
        real_or_colored(model, WORK / "photos", 32, seed=0),
        l2_training.epoch_scrubber(answers, scenes, [4.0, 3.0, 2.0, 1.0]),
    ]


def widget_value(choices: Choices, control: object) -> object:
    """A value that a control may be given: one that it offers, its ends, or any."""
    if choices.number(4) == 0:
        return choices.of(VALUES)
    if hasattr(control, "options") and not isinstance(control, explorer.Guess):
        options = [each[1] if isinstance(each, tuple) else each for each in control.options]
        return choices.of(options)
    if hasattr(control, "min"):
        part = choices.of((0, 1, choices.number(1000) / 1000))
        return type(control.value)(control.min + part * (control.max - control.min))
    if isinstance(control, explorer.Guess):
        return choices.of(((), ("",), ("left",), ("the first", ""), ("x",) * 3))
    paths = ("~", "~nobody/x", "/", "/dev/zero", "\0", "x" * 5000, "'", '"', "..", "*", "\ud800")
    return choices.of((*paths, str(WORK / "photos" / "p1.jpg"), str(WORK / "w.safetensors"), ""))


def files_below(folder: Path) -> list[str]:
    return [
        os.path.join(place, name)
        for place, folders, files in os.walk(folder)
        for name in files
        if not (Path(place, name).is_fifo() and not Path(place, name).is_symlink())
    ]


def without_long_work() -> None:
    """No download, no probe, and no training that takes minutes for good reasons."""
    fit = training.fit

    def short(config: TrainConfig, **options: object) -> History:
        if config.epochs * config.size > 64 or config.width > 0.1 or config.batch_size > 64:
            raise KeyboardInterrupt
        return fit(config, **options)

    def no_download(*_: object) -> None:
        raise ValueError("address: expected a connection, got none")

    training.fit = short
    download.download = download._from_kaggle = no_download
    doctor.lesson_times = str


def functions_below(*packages: str) -> list[FunctionType]:
    """The Python functions and methods of packages, as far as they are imported."""
    modules = [each for name, each in sys.modules.items() if name.split(".")[0] in packages]
    owners = [*modules, *(each for m in modules for each in vars(m).values() if type(each) is type)]
    inside = [each for owner in owners for each in vars(owner).values()]
    mine = {each for each in inside if isinstance(each, FunctionType)}
    return [each for each in mine if each.__module__.split(".")[0] in packages]


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ["photos", "folders", "weights", "histories", "hints", "commands"]
    names += ["widgets", "uploads"]
    parser.add_argument("door", choices=names)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--inputs", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--input", type=Path, help="only this one, such as a kept one")
    parser.add_argument("--atheris", action="store_true")
    options = parser.parse_args()
    sys.dont_write_bytecode = True
    warnings.simplefilter("ignore")
    without_long_work()
    doors = Doors()
    (WORK / "in").mkdir()
    door: Callable[[bytes], str] = getattr(doors, options.door)
    seeds, rng, outcomes = doors.seeds(options.door), random.Random(options.seed), Counter()
    kept = Path(tempfile.gettempdir()) / f"fuzz-{options.door}.input"
    sys.addaudithook(watch)
    began, slowest = time.monotonic(), 0.0
    door(seeds[0])  # what is imported late
    start = peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def figures() -> str:
        minutes, mib = (time.monotonic() - began) / 60, 2**20
        return (
            f"{options.door}: {sum(outcomes.values())} inputs in {minutes:.1f} minutes, "
            f"{dict(outcomes)}, slowest {slowest:.2f} s, peak {peak / mib:.0f} MiB "
            f"({start / mib:.0f} before the first)"
        )

    def one(data: bytes) -> None:
        nonlocal slowest, peak
        kept.write_bytes(data)
        before = resident()
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        clock, watch.on = time.monotonic(), True
        try:
            outcome = door(data)
        finally:
            watch.on = False
            faulthandler.cancel_dump_traceback_later()
        slowest = max(slowest, time.monotonic() - clock)
        outcomes[outcome] += 1
        if options.atheris and sum(outcomes.values()) % 1000 == 0:  # its end is also Python's
            print(figures(), file=sys.__stderr__)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        limit = 2 * GIB if outcomes["large"] else GIB
        if most > peak and start + most - before > limit:  # atheris itself grows with its inputs
            raise Wrong(f"{(start + most - before) / GIB:.2f} GiB of memory")
        peak = max(peak, most)

    try:
        if options.input:
            one(options.input.read_bytes())
        elif options.atheris:
            import atheris

            corpus = WORK / "corpus"
            corpus.mkdir()
            for number, seed in enumerate(seeds):
                (corpus / str(number)).write_bytes(seed)
            limits = [f"-max_total_time={60 * options.minutes:.0f}", f"-runs={options.inputs}"]
            for function in functions_below("course_utils", "PIL"):
                atheris.instrument_func(function)
            atheris.Setup([sys.argv[0], str(corpus), *limits, "-rss_limit_mb=0"], one)
            atheris.Fuzz()
        else:
            end = began + 60 * options.minutes
            while time.monotonic() < end and sum(outcomes.values()) < options.inputs:
                one(changed(options.door, rng.choice(seeds), rng, seeds))
    except BaseException:
        print(f"{figures()}\nthe last input is in {kept}", file=sys.__stderr__)
        raise
    print(figures())
    shutil.rmtree(WORK)
    return 0


if __name__ == "__main__":
    sys.exit(main())

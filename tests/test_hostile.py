"""Hostile input: every door answers with a result or with one clear error."""

import inspect
import io
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from course_utils import photos
from course_utils.album import colorize_album, contact_sheet, write_contact_sheets
from course_utils.cli import main
from course_utils.colorize import colorize
from course_utils.data import load_dataset
from course_utils.network import ColorizationNet
from course_utils.photos import all_files, pil_to_tensor, read_photo, sample_photo
from course_utils.plumbing import samples
from course_utils.plumbing.cache import open_cache
from course_utils.plumbing.files import printable, write_atomic
from course_utils.plumbing.weights import read_network, save_weights
from course_utils.recipe import History, TrainConfig
from course_utils.widgets import PhotoPicker
from course_utils.widgets.results import UPLOADED

some = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NAMES = ("a b.png", "-x.png", "new\nline.png", "\x1b[2J.png", "写真 é 💥.png", "\u202egpj.png")


@pytest.fixture(scope="module")
def model() -> ColorizationNet:
    torch.manual_seed(0)
    net = ColorizationNet(0.02).eval()
    net.size = 16
    return net


@pytest.fixture(scope="module")
def weights(model: ColorizationNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    save_weights(model, path, size=16)
    return path


def encoded(kind: str, mode: str = "RGB") -> bytes:
    content = io.BytesIO()
    sample_photo("cat").resize((24, 16)).convert(mode).save(content, kind)
    return content.getvalue()


KINDS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "JPEG2000", "PPM", "TGA")
FILES = {kind: encoded(kind) for kind in KINDS}
FILES["transparent"] = encoded("PNG", "RGBA")


@st.composite
def damaged(draw: st.DrawFn, files: tuple[bytes, ...]) -> bytes:
    """A file with some bytes replaced, and sometimes its end cut off."""
    content = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(content) - 1))
        piece = draw(st.binary(min_size=1, max_size=4))
        content[place : place + len(piece)] = piece
    return bytes(content[: draw(st.none() | st.integers(0, len(content)))])


def png_that_declares(width: int, height: int) -> bytes:
    """A small PNG file that unpacks to as many pixels as it says: all black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = zlib.compress(bytes(min(width, 100) * 3 + 1) * min(height, 100))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


# Photographs


@some
@given(content=damaged(tuple(FILES.values())) | st.binary(max_size=200))
@example(content=b"")
def test_any_bytes_are_a_picture_or_one_error(content: bytes, model: ColorizationNet) -> None:
    try:
        photo = read_photo(content)
    except ValueError as error:
        assert str(error).startswith("photo: expected a p")
        assert "\n" not in str(error)
        return
    assert photo.mode == "RGB"
    if photo.width * photo.height < 10_000:
        assert colorize(content, model).size == photo.size


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1), (3, 2)])
def test_tiny_and_thin_photographs(size: tuple[int, int], model: ColorizationNet) -> None:
    content = io.BytesIO()
    Image.new("RGB", size, "orange").save(content, "PNG")
    assert colorize(content.getvalue(), model).size == size
    picker = PhotoPicker(model, 64)
    uploaded = {"photo.png": {"content": content.getvalue()}}
    printable, words = picker.render(UPLOADED, "", uploaded, 16)
    assert f"{size[0]} x {size[1]} pixels" in words
    assert printable.width <= 3 * 8 * 64 + 100


@pytest.mark.parametrize("size", [(30_000, 30_000), (12_000, 12_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_before_they_are_decoded(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    (tmp_path / "bomb.png").write_bytes(png_that_declares(*size))
    with pytest.raises(ValueError, match=r"bomb\.png: expected a p") as told:
        read_photo(tmp_path / "bomb.png")
    assert size[0] > 30_000 or "at most 120 megapixels" in str(told.value)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from Linux's /proc")
def test_100_megapixels_are_colorized_in_2_gigabytes(tmp_path: Path) -> None:
    sample_photo("cat").resize((10_000, 10_000)).save(tmp_path / "large.jpg")
    script = (
        "import sys; from pathlib import Path; from course_utils.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    command = ["colorize", str(tmp_path / "large.jpg"), "--weights", "landscapes", "--out"]
    done = subprocess.run(
        [sys.executable, "-c", script, *command, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 0.5e9 < 1024 * int(done.stdout.splitlines()[-1]) < 2e9
    with Image.open(tmp_path / "large_color.png") as made:
        assert made.size == (10_000, 10_000)


def test_a_picture_without_pixels() -> None:
    with pytest.raises(ValueError, match="photo: expected a picture"):
        read_photo(Image.new("RGB", (0, 5)))


def test_a_program_is_no_photograph_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.init()
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: pytest.fail("it was run"))
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.jpg", "EPS")
    with pytest.raises(ValueError, match=r"photo\.jpg: .* a file of an unknown kind"):
        read_photo(tmp_path / "photo.jpg")


def test_a_wrong_suffix_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "photo.tif").write_bytes(FILES["PNG"])
    assert read_photo(tmp_path / "photo.tif").size == (24, 16)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_pipes_and_devices_are_not_waited_for(tmp_path: Path, model: ColorizationNet) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "link.jpg").symlink_to(tmp_path / "pipe")
    (tmp_path / "photos" / "good.png").write_bytes(FILES["PNG"])
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(ValueError, match="a pipe or a device"):
            read_photo(path)
        with pytest.raises(ValueError, match="expected a history file"):
            History.load(path)
    album = colorize_album([tmp_path / "photos"], model, tmp_path / "out")
    assert (len(album.made), len(album.failed)) == (1, 1)
    assert len(load_dataset(tmp_path / "photos", 8, "all").report.broken) == 1


def test_torn_exif_does_not_spoil_a_picture(model: ColorizationNet) -> None:
    content = io.BytesIO()
    Image.new("RGB", (9, 9)).save(content, "PNG", exif=b"Exif\0\0no TIFF at all")
    assert "exif" not in read_photo(content.getvalue()).info
    assert colorize(content.getvalue(), model).size == (9, 9)


def test_exif_that_is_too_long_for_a_jpeg(tmp_path: Path, model: ColorizationNet) -> None:
    exif = Image.Exif()
    exif[0x010F] = "long" * 20_000
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png", exif=exif)
    assert colorize_album([tmp_path / "a.png"], model, tmp_path / "out", kind="jpg").made


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16", "F"])
def test_bands_change_nothing(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 256, (40, 30, len("RGBA")))
    pixels = {
        "RGB": values[..., :3].astype(np.uint8),
        "RGBA": values.astype(np.uint8),
        "I;16": (values[..., 0] * 200).astype(np.uint16),
        "F": (values[..., 0] / 255).astype(np.float32),
    }[mode]
    whole = pil_to_tensor(read_photo(Image.fromarray(pixels)))
    for module in (photos, samples):
        monkeypatch.setattr(module, "ROWS", 7)
    assert torch.equal(pil_to_tensor(read_photo(Image.fromarray(pixels))), whole)


# Folders


@pytest.mark.skipif(os.name == "nt", reason="these names are none on Windows")
def test_names_in_one_line_each(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    dice = np.random.default_rng(0)
    for name in NAMES:
        Image.fromarray(dice.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / name)
        (folder / f"broken {name}").write_bytes(b"")
    (folder / os.fsdecode(b"\xff\xfe.png")).write_bytes(FILES["PNG"])
    command = ["colorize", str(folder), "--weights", str(weights), "--out", str(out)]
    assert main(command) == 1
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == len(NAMES) + 2  # and the contact sheet
    assert len(told.err.splitlines()) == len(NAMES)
    assert all(line.isprintable() for line in (told.out + told.err).splitlines())
    assert "broken new\\nline.png: expected a picture" in told.err
    data = ["--weights", str(weights), "--data", str(folder), "--size", "8", "--split", "all"]
    assert main(["evaluate", *data, "--each", str(tmp_path / "each.csv")]) == 0
    assert "\\udcff" in (tmp_path / "each.csv").read_text("utf-8")
    assert all(line.isprintable() for line in capsys.readouterr().err.split("\r")[-1].splitlines())


@given(text=st.text())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_shown_name_is_one_line(text: str) -> None:
    assert printable(text).isprintable()
    assert bool(printable(text)) == bool(text)
    if text.isprintable():
        assert printable(text) == text


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.filterwarnings("ignore:.* 2 folders left out")
def test_links_that_loop_or_lead_nowhere(tmp_path: Path, model: ColorizationNet) -> None:
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "good.png").write_bytes(FILES["PNG"])
    (folder / "a loop.png").symlink_to(folder / "a loop.png")
    (folder / "dead.png").symlink_to(folder / "nothing")
    (folder / "up").symlink_to(folder)
    (folder / "up.png").symlink_to(folder)
    names = [file.name for file in all_files(folder)]
    assert names == ["a loop.png", "dead.png", "good.png"]
    album = colorize_album([folder], model, folder / "out")  # inside: its files are no photographs
    assert [photo.name for photo in album.made] == ["good.png"]
    assert all(str(photo) in why for photo, why in album.failed.items())
    assert len(load_dataset(folder, 8, "all").report.broken) == 2


def test_a_folder_that_is_nested_more_deeply_than_calls_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / "/".join("d" * 400)
    deep.mkdir(parents=True)
    (deep / "photo.png").write_bytes(FILES["PNG"])
    limit, calls = sys.getrecursionlimit(), len(inspect.stack())
    sys.setrecursionlimit(calls + 300)
    try:
        assert [file.name for file in all_files(tmp_path)] == ["photo.png"]
    finally:
        sys.setrecursionlimit(limit)  # what removes old tests' folders calls itself, too


def test_files_that_vanish(tmp_path: Path, model: ColorizationNet) -> None:
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file in files:
        file.write_bytes(FILES["PNG"])

    def on_photo(photo: Path, _: object) -> None:
        files[1].unlink(missing_ok=True)

    album = colorize_album(files, model, tmp_path / "out", on_photo=on_photo)
    assert list(album.made) == [files[0], files[2]]
    assert "no such file" in album.failed[files[1]]
    files[0].unlink()
    assert contact_sheet(album.made).size  # its place stays empty
    _, entries = open_cache(files, tmp_path, 8)
    assert [entry.row for entry in entries] == [-1, -1, 0]


def test_nothing_is_overwritten_without_being_asked(tmp_path: Path, model: ColorizationNet) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(FILES["PNG"])
    mine = {"contact_sheet.jpg": b"mine", "a_color.png.part": b"mine too"}
    for name, content in mine.items():
        (tmp_path / "out" / name).write_bytes(content)
    album = colorize_album([tmp_path / "photos"], model, tmp_path / "out")
    sheets = write_contact_sheets(album.results, tmp_path / "out")
    assert [sheet.name for sheet in sheets] == ["contact_sheet_2.jpg"]
    for name, content in mine.items():
        assert (tmp_path / "out" / name).read_bytes() == content
    sheets = write_contact_sheets(album.results, tmp_path / "out", overwrite=True)
    assert Image.open(tmp_path / "out" / "contact_sheet.jpg").format == "JPEG"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_result_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"theirs")
    for name in ("result", "result.part"):
        (tmp_path / name).symlink_to(tmp_path / "theirs")
    write_atomic(tmp_path / "result", b"ours")
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    assert (tmp_path / "result").read_bytes() == b"ours"


def test_many_photographs_take_several_contact_sheets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("course_utils.album.SHEET", 2)
    (tmp_path / "a.png").write_bytes(FILES["PNG"])
    results = {tmp_path / f"{number}": tmp_path / "a.png" for number in range(5)}
    names = [sheet.name for sheet in write_contact_sheets(results, tmp_path)]
    assert names == ["contact_sheet.jpg", "contact_sheet_2.jpg", "contact_sheet_3.jpg"]


def test_a_folder_with_a_very_long_name_has_a_cache(tmp_path: Path) -> None:
    folder = tmp_path / ("é" * 120)
    folder.mkdir()
    (folder / "a.png").write_bytes(FILES["PNG"])
    assert len(load_dataset(folder, 8, "all")) == 1


@pytest.mark.parametrize("damage", ["[1]", "{", "[" * 100_000, "[]"])
def test_a_damaged_cache_is_told(damage: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(FILES["PNG"])
    lab, _ = open_cache([tmp_path / "a.png"], tmp_path, 8)
    (lab.parent / "index.json").write_text(damage)
    with pytest.raises(ValueError, match=r"cache: expected what was written.*delete it"):
        open_cache([tmp_path / "a.png"], tmp_path, 8)


def test_a_thousand_photographs_of_which_fifty_are_broken(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    for number in range(1000):
        content = FILES["JPEG"] if number % 20 else FILES["JPEG"][: number // 4]
        (folder / f"{number:04}.jpg").write_bytes(content)
    command = ["colorize", str(folder), "--weights", str(weights), "--out", str(out)]
    assert main(command) == 1
    told = capsys.readouterr()
    assert len(list(out.glob("*_color.png"))) == 950
    reasons = told.err.splitlines()
    assert len(reasons) == 50
    for number, line in enumerate(reasons):
        assert line.startswith(f"course: {folder}/{20 * number:04}.jpg: expected a picture")
    (out / "0001_color.png").unlink()
    kept = (out / "0002_color.png").stat().st_mtime_ns
    assert main(command) == 1
    assert capsys.readouterr().out.splitlines()[0] == str(out / "0001_color.png")
    assert (out / "0002_color.png").stat().st_mtime_ns == kept


# Weights


def with_about(path: Path, about: object, tensors: dict[str, torch.Tensor] | None = None) -> Path:
    save_file(tensors or {"x": torch.zeros(1)}, path, metadata={"course": json.dumps(about)})
    return path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("width", value) for value in (1e9, -1, 0, float("nan"), True, None, "1", [])),
        *(("head", value) for value in (None, "", [], {}, 3)),
        *(("size", value) for value in (0, 7, -8, 1e9, float("inf"), True, "8", None)),
        *(("temperature", value) for value in (0, 2, 1e-320, "x", None, [], float("nan"))),
    ],
)
def test_values_that_no_network_has(name: str, value: object, tmp_path: Path) -> None:
    about = {"width": 0.02, "head": "classification", "size": 16, name: value}
    with pytest.raises(ValueError, match=r"w\.safetensors: expected a weights file"):
        read_network(with_about(tmp_path / "w.safetensors", about))


@pytest.mark.parametrize("about", [[], 3, None, "x", {}, {"width": 1}])
def test_what_describes_no_network(about: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"w\.safetensors: expected a weights file"):
        read_network(with_about(tmp_path / "w.safetensors", about))


def test_a_description_that_is_nested_deeply(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata={"course": "[" * 100_000})
    with pytest.raises(ValueError, match="expected a weights file"):
        read_network(path)


def test_declared_sizes_are_checked_before_memory_is_taken(tmp_path: Path) -> None:
    about = json.dumps({"width": 0.02, "head": "regression"})
    count = 2**30  # 4 GiB, of which the disk holds nothing
    header = {"__metadata__": {"course": about}}
    header["x"] = {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}
    text = json.dumps(header).encode()
    with open(tmp_path / "w.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + 4 * count)
    with pytest.raises(ValueError, match=f"{count} numbers, where its network has"):
        read_network(tmp_path / "w.safetensors")


def test_a_network_that_is_only_declared_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    build = ColorizationNet.reset_parameters
    monkeypatch.setattr(
        ColorizationNet, "reset_parameters", lambda net: (made.append(net), build(net))
    )
    with pytest.raises(ValueError, match="the file is damaged"):
        read_network(with_about(tmp_path / "w.safetensors", {"width": 4, "head": "regression"}))
    assert {parameter.device.type for net in made for parameter in net.parameters()} == {"meta"}


@pytest.mark.parametrize("dtype", [torch.float64, torch.bool, torch.complex64])
def test_other_types_of_numbers(dtype: torch.dtype, tmp_path: Path) -> None:
    about = {"width": 0.02, "head": "regression"}
    tensors = {"x": torch.zeros(1, dtype=dtype)}
    with pytest.raises(ValueError, match="numbers of type"):
        read_network(with_about(tmp_path / "w.safetensors", about, tensors))


@some
@given(data=st.data())
def test_any_damage_to_weights(data: st.DataObject, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(data.draw(damaged((weights.read_bytes(),))))
    try:
        colorize(Image.new("RGB", (9, 9)), read_network(tmp_path / "w.safetensors"))
    except ValueError as error:
        assert "expected" in str(error)


def test_weights_whose_colors_are_no_numbers(model: ColorizationNet, tmp_path: Path) -> None:
    save_weights(model, tmp_path / "w.safetensors", size=16)
    net = read_network(tmp_path / "w.safetensors")
    for parameter in net.parameters():
        parameter.data.fill_(3e38)
    with pytest.raises(ValueError, match="weights: expected colors that are numbers"):
        colorize(Image.new("RGB", (9, 9)), net)


# Histories

HISTORY = {
    "config": {"size": 16},
    "baselines": {"gray": 1.0},
    "l2_floor": None,
    "fingerprint": "abc",
}
ROW = {"epoch": 1, "train_loss": 1.0, "val_mse": 1.0}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@some
@given(place=st.sampled_from([*HISTORY, "size", "epoch", "val_mse", "row"]), value=values)
@example(place="config", value=5)
@example(place="size", value="16")
@example(place="row", value=[])
def test_any_history(place: str, value: object, tmp_path: Path) -> None:
    head = {**HISTORY, "config": {**HISTORY["config"]}}
    row = dict(ROW)
    if place == "size":
        head["config"]["size"] = value
    elif place in ROW:
        row[place] = value
    elif place != "row":
        head[place] = value
    lines = [head, value if place == "row" else row]
    path = tmp_path / "history.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    try:
        history = History.load(path)
    except ValueError as error:
        assert str(error).startswith(f"{path}: expected a history file, got: ")
        return
    assert isinstance(history.config, TrainConfig)
    assert isinstance(history.best["epoch"], int | float)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100_000, b"{}", b"3", b"null\n{}"])
def test_what_is_no_history(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "h.jsonl").write_bytes(content)
    for path in (tmp_path / "h.jsonl", tmp_path):
        with pytest.raises(ValueError, match=": expected a history file, got"):
            History.load(path)


# Command lines

words = st.sampled_from(
    [
        *("colorize", "evaluate", "train", "data", "list", "progress", "a/b", "x.jpg"),
        *("--weights", "--out", "--data", "--size", "--width", "--epochs", "--temperature", "--"),
        *(
            "landscapes",
            "16",
            "0",
            "-1",
            "nan",
            "1e9",
            "9" * 40,
            "",
            "-x",
            "\x1b[2J",
            "a\nb",
            "\udcff",
        ),
        *("/dev/zero", "x" * 300, "~nobody/x", "--format", "jpg", "--split", "all"),
    ]
)


@some
@given(arguments=st.lists(words, max_size=9))
@example(arguments=["colorize", "x.jpg", "--weights", "landscapes", "--out", "x", "--size", "4096"])
@example(arguments=["train", "--data", "scenes", "--out", "x", "--size", "4096", "--epochs", "1"])
def test_any_command_line(
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("course_utils.training.train_epoch", lambda *_: pytest.fail("it trained"))
    capsys.readouterr()
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    told = capsys.readouterr().err
    assert code in (0, 2)
    assert "Traceback" not in told
    assert (code == 2) == bool([line for line in told.splitlines() if line.startswith("course: ")])


def test_a_reader_that_goes_away(tmp_path: Path, weights: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(FILES["PNG"])
    command = [sys.executable, "-u", "-m", "course_utils", "colorize", str(folder)]
    command += ["--weights", str(weights), "--out", str(tmp_path / "out")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True) as course:
        course.stdout.close()
        told = course.stderr.read()
    assert (course.returncode, told) == (1, "")


# Widgets and uploads


@pytest.mark.parametrize(
    "path", ["~nobody/x.jpg", "\0", "x" * 5000, "/dev/zero", "'", "\ud800", "<b>.jpg"]
)
def test_paths_typed_into_widgets(path: str, model: ColorizationNet) -> None:
    widget = PhotoPicker(model, 32)
    widget.controls["path"].value = path
    assert "expected" in widget.text or path == "'"
    assert "<b>" not in widget.words.value


@some
@given(content=damaged(tuple(FILES.values())), name=st.text(max_size=20))
def test_any_upload(content: bytes, name: str, model: ColorizationNet) -> None:
    picker = PhotoPicker(model, 32)
    picture, words = picker.render(UPLOADED, "", {name: {"content": content}}, 32)
    assert (picture is None) == ("photo: expected a p" in words)


@pytest.mark.parametrize("size", [16, 48, 256])
def test_a_network_of_any_size_has_its_widget(size: int, model: ColorizationNet) -> None:
    net = ColorizationNet(0.02)
    net.size = size
    assert PhotoPicker(net, 32).controls["view"].value == size

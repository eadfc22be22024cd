import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from course_utils import doctor
from course_utils.cli import main
from course_utils.colorize import WEIGHTS, colorize, load_model
from course_utils.data import load_dataset
from course_utils.hints import Hint
from course_utils.metrics import mean_mse
from course_utils.photos import sample_path, sample_photo
from course_utils.plumbing.weights import write_safetensors


def train(photos: Path, out: Path, *more: str) -> int:
    small = ["--size", "16", "--width", "0.05", "--epochs", "1", "--batch-size", "4"]
    return main(["train", "--data", str(photos), "--out", str(out), *small, *more])


def test_train_evaluate_colorize(
    photo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out, weights = tmp_path / "run", tmp_path / "run" / "best.safetensors"
    assert train(photo_folder, out) == 0
    shown = capsys.readouterr()
    assert "mean given L" in shown.out
    assert "1 unreadable files were skipped:\n  broken.jpg: expected a picture" in shown.err
    for figure in ("loss.png", "results.png"):
        assert (out / figure).stat().st_size > 5_000

    options = ["--weights", str(weights), "--data", str(photo_folder), "--size", "16"]
    assert main(["evaluate", *options, "--split", "all"]) == 0
    shown = capsys.readouterr().out
    for name in ("best", "gray", "dataset mean", "mean given L", "random photo"):
        assert name in shown
    each = tmp_path / "each.csv"
    assert main(["evaluate", *options, "--split", "all", "--each", str(each)]) == 0
    table = list(csv.DictReader(each.open()))
    assert "photo 3.png" in [row["picture"] for row in table]
    capsys.readouterr()
    assert main(["evaluate", *options, "--split", "all", "--each", str(each)]) == 2  # it exists
    assert "each.csv" in capsys.readouterr().err
    assert main(["evaluate", *options, "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["best"]["mse_ab"] > 0
    assert "so few pictures" in shown.err

    further = ["--size", "16", "--epochs", "1", "--start", str(weights)]  # of its own width
    there = ["--data", str(photo_folder), "--out", str(tmp_path / "further")]
    assert main(["train", *there, *further]) == 0
    before = re.search(r"^  best +([\d.]+)$", capsys.readouterr().out, re.M)[1]
    best = mean_mse(load_model(weights), load_dataset(photo_folder, 16, "val"))
    assert float(before) == pytest.approx(best, abs=0.1)
    assert main(["train", *there, *further, "--resume"]) == 0
    assert "This run had ended before" in capsys.readouterr().out
    assert main(["train", *there, *further, "--resume", "--epochs", "2"]) == 2
    assert "choose another folder and start from" in capsys.readouterr().err

    photo = sample_path("rocket")
    colored = ["colorize", str(photo), "--weights", str(weights), "--out", str(tmp_path / "c")]
    assert main(colored) == 0
    assert Image.open(tmp_path / "c" / "rocket_color.png").size == Image.open(photo).size


def test_a_training_says_on_how_many_threads_it_runs(
    photo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert train(photo_folder, tmp_path / "two") == 0
        assert "training on 2 threads:" in capsys.readouterr().err
        assert train(photo_folder, tmp_path / "one", "--threads", "1") == 0
        assert "training on 1 thread:" in capsys.readouterr().err
    finally:
        torch.set_num_threads(before)
    assert train(photo_folder, tmp_path / "none", "--threads", "0") == 2
    assert "threads: expected 1 to" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_folders_that_are_taken_by_their_names_and_a_single_photo(
    photo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    data = tmp_path / "data"
    for number, folder in enumerate(("train", "train", "Valid", "test")):
        (data / folder).mkdir(parents=True, exist_ok=True)
        photo = photo_folder / f"photo {number}.png"
        (data / folder / photo.name).write_bytes(photo.read_bytes())
    assert train(data, tmp_path / "run") == 0
    told = "  by the names of folders: Valid/ is val, test/ is test, train/ is train; others are"
    assert f"2 pictures to train on, 1 to validate on\n{told}" in capsys.readouterr().err
    command = ["evaluate", "--weights", "landscapes", "--size", "16", "--data"]
    assert main([*command, str(data / "test"), "--split", "all"]) == 0
    assert "1 picture at 16x16" in capsys.readouterr().out
    assert main([*command, str(data / "test")]) == 2
    assert "expected two different photographs" in capsys.readouterr().err


def test_colorize_needs_no_option_and_keeps_the_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "rocket.png"
    Image.open(sample_path("rocket")).resize((96, 64)).convert("L").save(photo)
    before = photo.read_bytes()
    monkeypatch.chdir(tmp_path)
    assert main(["colorize", "rocket.png"]) == 0
    result = Image.open(tmp_path / "colored" / "rocket_color.png")
    assert result.size == (96, 64) and result.mode == "RGB"
    assert main(["colorize", "rocket.png", "--out", "."]) == 0  # beside the photo
    assert photo.read_bytes() == before


def test_hints_of_a_file_and_of_the_command_line(tmp_path: Path) -> None:
    photo, hints = tmp_path / "cat.png", tmp_path / "hints.json"
    gray = sample_photo("cat").resize((96, 64)).convert("L")
    gray.save(photo)
    hints.write_text(json.dumps([{"x": 0.4, "y": 0.6, "color": "#c03020"}]))
    command = ["colorize", str(photo), "--weights", "landscapes", "--out", str(tmp_path / "out")]
    assert main([*command, "--hints", str(hints), "--hint", "0.9,0.1=#2030c0"]) == 0
    touches = [Hint(0.4, 0.6, "#c03020"), Hint(0.9, 0.1, "#2030c0")]
    expected = colorize(gray, load_model("landscapes", fast=True), hints=touches)
    with Image.open(tmp_path / "out" / "cat_color.png") as result:
        assert result.tobytes() == expected.tobytes()


def test_bad_input_is_one_line_and_exit_2(
    photo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    weights, text = str(WEIGHTS / "landscapes.safetensors"), tmp_path / "text.jpg"
    text.write_text("not a picture")
    (tmp_path / "empty").mkdir()
    out = ["--out", str(tmp_path / "out")]
    many_hints = ["--hint", "0,0=#c03020"] * 201
    cases = {
        "does not exist": ["train", "--data", str(tmp_path / "none"), *out],
        "found none": ["train", "--data", str(tmp_path / "empty"), *out],
        "multiple of 8": ["train", "--data", str(photo_folder), "--size", "60", *out],
        "expected a picture": ["colorize", str(text), "--weights", weights, *out],
        "no such file": ["colorize", "no.jpg", "--weights", weights, *out],
        "expected a .safetensors file or one of": ["colorize", "x", "--weights", "nobody", *out],
        "expected a weights file": ["colorize", "x", "--weights", str(bad_weights(tmp_path)), *out],
        "expected a folder that can be written": [
            *("train", "--data", str(photo_folder), "--out", str(text)),
        ],
        "epochs: expected": ["train", "--data", str(photo_folder), "--epochs", "0", *out],
        "width: expected": ["train", "--data", str(photo_folder), "--width", "nan", *out],
        "use the best.safetensors": [
            *("colorize", "x", "--weights", str(last_state(tmp_path)), *out),
        ],
        "classification network": [
            *("colorize", "x", "--weights", weights, "--temperature", "0.4"),
            *out,
        ],
        "expected one photograph": ["colorize", "x", "y", "--hint", "0,0=#c03020", *out],
        "or a folder": ["colorize", str(photo_folder), "--hint", "0,0=#c03020", *out],
        "photos: expected files, got an address": ["colorize", "https://example.com/a.jpg"],
        "hint: expected X,Y=#rrggbb": ["colorize", "x", "--hint", "0.5=#c03020", *out],
        "x: expected a number in [0, 1], got nan": ["colorize", "x", "--hint", "nan,0=#c03020"],
        "hint: expected a color as #rrggbb": ["colorize", "x", "--hint", "0,0=red", *out],
        "expected a file of hints": ["colorize", "x", "--hints", str(text), *out],
        "hints, no such file": ["colorize", "x", "--hints", "no.json", *out],
        "hints: expected at most": ["colorize", str(sample_path("cat")), *many_hints, *out],
    }
    for message, command in cases.items():
        capsys.readouterr()
        assert main(command) == 2, command
        said = capsys.readouterr().err.strip().splitlines()
        complaint = [line for line in said if line.startswith("course: ")]
        assert len(complaint) == 1, said
        assert message in complaint[0]
        assert "Traceback" not in "\n".join(said)


def last_state(folder: Path) -> Path:
    path = folder / "last.safetensors"
    about = {"width": 0.05, "head": "regression"}
    write_safetensors({"model.model1.0.weight": torch.zeros(1)}, path, about)
    return path


def bad_weights(folder: Path) -> Path:
    path = folder / "bad.safetensors"
    path.write_bytes(b"\x80\x04 a pickle, perhaps")
    return path


def test_a_full_disk_is_told_with_the_name_of_the_file(
    photo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no file size limit")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))  # as if the disk were full
    try:
        assert train(photo_folder, tmp_path / "run") == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    told = capsys.readouterr().err.splitlines()[-1]
    assert re.fullmatch(r"course: .*too large: .*run/\w+\.safetensors'", told), told
    assert not list((tmp_path / "run").glob("*.part"))


def test_another_width_does_not_resume(
    photo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train(photo_folder, tmp_path / "run") == 0
    assert train(photo_folder, tmp_path / "run") == 2
    assert "--resume" in capsys.readouterr().err
    assert train(photo_folder, tmp_path / "run", "--resume", "--width", "0.1") == 2
    assert "expected a run with width=0.1" in capsys.readouterr().err
    assert train(photo_folder, tmp_path / "run", "--resume") == 0  # finished: nothing to do


def test_a_broken_photo_among_others_is_named_and_the_rest_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("not a picture")
    command = ["colorize", str(sample_path("cat")), str(text), "--weights", "landscapes"]
    command += ["--out", str(tmp_path / "out")]
    assert main(command) == 1
    shown = capsys.readouterr()
    assert "text.jpg" in shown.err
    assert "chelsea_color.png" in shown.out
    result = tmp_path / "out" / "chelsea_color.png"
    result.write_bytes(b"touched")
    assert main(command[:2] + command[3:]) == 2  # what is there is kept
    assert "it is another file; overwrite it (--overwrite)" in capsys.readouterr().err
    assert result.read_bytes() == b"touched"
    assert main([*command[:2], *command[3:], "--overwrite"]) == 0
    assert Image.open(result).size == Image.open(sample_path("cat")).size
    assert main(command[:2] + command[3:]) == 0  # of the same photo, weights and options
    assert "exists already" in capsys.readouterr().err
    assert main([*command[:2], *command[3:-1], str(tmp_path / "named.jpg")]) == 0
    assert Image.open(tmp_path / "named.jpg").format == "JPEG"


def test_photos_of_one_name_do_not_overwrite_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "sub").mkdir()
    photos = [tmp_path / "写真 é.png", tmp_path / "sub" / "写真 é.png"]
    for photo in photos:
        Image.new("RGB", (9, 9)).save(photo)
    command = ["colorize", *map(str, photos), "--weights", "landscapes", "--overwrite"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 1
    assert "both would become" in capsys.readouterr().err
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["写真 é_color.png"]


def test_a_folder_becomes_a_folder_with_a_contact_sheet(
    photo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = photo_folder / "color"  # inside: results must not be colorized again
    command = ["colorize", str(photo_folder), "--weights", "landscapes", "--out", str(out)]
    assert main([*command, "--format", "jpg"]) == 1
    assert "broken.jpg" in capsys.readouterr().err
    names = {f"photo {number}_color.jpg" for number in range(6)} | {"gray_color.jpg"}
    assert {file.name for file in out.iterdir()} == names | {"contact_sheet.jpg"}
    (out / "photo 3_color.jpg").unlink()
    assert main([*command, "--format", "jpg"]) == 1  # only what is missing
    assert capsys.readouterr().out.splitlines()[0] == str(out / "photo 3_color.jpg")
    assert main([*command[:-1], str(photo_folder)]) == 2
    assert "expected another folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["colorize", str(tmp_path / "empty"), *command[2:]]) == 2
    assert "found none" in capsys.readouterr().err


def test_doctor_and_data_list(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    for expected in (r"torch +\d", "Device: ", r"04_l2_training +\d+ (seconds|minutes)"):
        assert re.search(expected, shown), expected
    with monkeypatch.context() as patch:
        patch.setattr(doctor, "requires", lambda _: ["torch>=2", "no-such-package>=1"])
        assert re.search(r"no-such-package +missing", doctor.versions())
    assert main(["data", "list"]) == 0
    assert "scenes" in capsys.readouterr().out


@pytest.mark.parametrize("command", [[], ["paint"], ["train"], ["train", "--size", "big"]])
def test_wrong_words(command: list[str], capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stop:
        main(command)
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("course: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["train", "--help"],
        ["progress"],
        ["colorise", "photo.jpg"],
        ["train", "--data", "scenes", "--out", "x", "--size", "63"],
        ["colorize", "photo.jpg", "--size", "4096"],
        ["colorize", "photo.jpg", "--temperature", "2"],
        ["colorize", "photo.jpg", "--hint", "0.5,0.5=red"],
        ["colorize", "photo.jpg", "--hints", "nothing.json"],
        ["colorize", "a.jpg", "b.jpg", "--hint", "0.5,0.5=#c03020"],
    ],
)
def test_help_and_mistakes_do_not_wait_for_torch(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom course_utils.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('modules', *{each.split('.')[0] for each in sys.modules})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    modules = ran.stdout.splitlines()[-1].split()
    assert modules[0] == "modules"
    assert not {"torch", "numpy", "PIL", "matplotlib", "skimage", "scipy"} & set(modules)

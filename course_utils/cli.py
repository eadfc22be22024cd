"""The `course` command: a thin layer over the package. Modules that need torch are imported only
after the command line has been validated.

Exit status: 0 on success, 2 with one line on bad input, 1 when some of several photographs
could not be colorized, 130 when interrupted.
"""

import argparse
import csv
import io
import json
import os
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from course_utils.plumbing.command_line import GO_ON_RATE, command_line
from course_utils.plumbing.files import printable, write_atomic
from course_utils.plumbing.hint_files import parse_hint, read_hints
from course_utils.plumbing.limits import check_temperature, check_threads, check_view
from course_utils.recipe import TrainConfig

if TYPE_CHECKING:
    from course_utils.album import Album
    from course_utils.data import LabDataset, Report


def main(arguments: list[str] | None = None) -> int:
    """Run `course` with these arguments, or with the process's own, and return the exit status."""
    for stream in (sys.stdout, sys.stderr):  # the console may not encode a file name
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    options = command_line(COMMANDS).parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: _complain(message)
            return options.run(options)
    except BrokenPipeError:  # the reader closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError, FloatingPointError) as error:
        return _complain(error)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "memory" in str(error):
            return _complain("out of memory; try a smaller --size, --width or --batch-size")
        raise
    except KeyboardInterrupt:
        return 130


def _complain(error: object) -> int:
    print(f"course: {printable(' '.join(str(error).splitlines()))}", file=sys.stderr)
    return 2


def _say_unreadable(*reports: "Report") -> None:
    """List skipped files on stderr, to keep stdout for results."""
    broken = {name: why for report in reports for name, why in report.broken.items()}
    if broken:
        print(f"course: {len(broken)} unreadable files were skipped:", file=sys.stderr)
    for name, why in broken.items():
        print(f"  {printable(name)}: {printable(why)}", file=sys.stderr)


def _given(choice: dict[str, object]) -> dict[str, object]:
    """Without those that were not chosen."""
    return {name: value for name, value in choice.items() if value is not None}


def _doctor(_: argparse.Namespace) -> int:
    """What is installed, on which device, and how long lessons take."""
    from course_utils import doctor

    print(doctor.versions())
    print(doctor.lesson_times())
    return 0


def _progress(_: argparse.Namespace) -> int:
    """Which exercises of which lesson are done."""
    from course_utils.plumbing import lessons

    print(lessons.table())
    return 0


def _train(options: argparse.Namespace) -> int:
    names = ("data", "size", "width", "head", "rebalanced", "epochs", "seed")
    names += ("batch_size", "learning_rate", "growth")
    choice = {name: getattr(options, name) for name in names}
    if options.start:  # a trained network needs no small pictures first
        choice = {"growth": 0.0, "learning_rate": GO_ON_RATE} | _given(choice)
    config = TrainConfig(**_given(choice))
    if options.threads is not None:
        check_threads(options.threads)

    import torch

    from course_utils.colorize import load_model
    from course_utils.figures import comparison, loss_curve
    from course_utils.metrics import mean_mse
    from course_utils.plumbing import processes
    from course_utils.training import fit

    sets: list[LabDataset] = []
    before, ran = {}, []

    def on_data(train: "LabDataset", val: "LabDataset") -> None:
        _say_unreadable(train.report, val.report)
        gray = f" ({len(train.report.gray)} gray ones left out)" if train.report.gray else ""
        told = f"{len(train)} pictures to train on{gray}, {len(val)} to validate on"
        print(told, file=sys.stderr)
        if train.report.named:
            print(f"  {printable(train.report.named)}", file=sys.stderr)
        sets.extend((train, val))
        if start is not None and not options.resume:
            before[Path(options.start).stem] = mean_mse(start, val)

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    start = load_model(options.start) if options.start else None
    if start is not None:
        own = {"width": start.width, "head": start.head}
        config = replace(config, **own | _given({name: getattr(options, name) for name in own}))
    with processes.process_group():
        first = processes.rank() == 0
        history = fit(
            config,
            out=options.out,
            resume=options.resume,
            on_data=on_data,
            on_epoch=ran.append,
            model=start,
            compiled=options.compile,
        )
    finished = len(history.rows) == config.epochs
    if not (history.rows and first):
        return 0 if finished else 130
    out = Path(options.out)
    model = load_model(out / "best.safetensors")
    figures = {"loss.png": loss_curve(history), "results.png": comparison(model, sets[1])}
    for file, figure in figures.items():
        content = io.BytesIO()
        figure.savefig(content, dpi=120, bbox_inches="tight")
        write_atomic(out / file, content.getvalue())
    best = history.best
    if not ran and finished:
        print("This run had ended before: nothing was trained.")
    print(f"Best epoch {best['epoch']}: MSE(ab) {best['val_mse']:.1f} on the validation pictures")
    for name, mse in (before | history.baselines).items():
        print(f"  {name:13} {mse:.1f}")
    if best["val_mse"] >= history.baselines["gray"]:
        advice = "train longer" if start else "train longer, or go on from --start photographs"
        print(f"That is no better than leaving them gray: {advice}.")
    print(f"Wrote {out / 'best.safetensors'}, {' and '.join(str(out / file) for file in figures)}")
    return 0 if finished else 130


def _evaluate(options: argparse.Namespace) -> int:
    if options.size is not None:
        check_view(options.size)
    if options.each is not None and Path(options.each).exists():
        raise ValueError(f"each: expected a new file, {options.each} exists; choose another name")

    from course_utils.colorize import load_model
    from course_utils.data import load_dataset
    from course_utils.metrics import FEWEST, baselines, each_picture, evaluate
    from course_utils.tables import metrics_table

    model = load_model(options.weights)
    size = model.size if options.size is None else options.size
    check_view(size)
    split = options.split or ("all" if options.data == "samples" else "val")
    dataset = load_dataset(options.data, size, split, progress=True)
    train = dataset
    if split == "val":
        train = load_dataset(options.data, size, "train", progress=True)
    _say_unreadable(dataset.report)
    known, name = baselines(train), Path(options.weights).stem
    models = {f"{name} (weights)" if name in known else name: model, **known}
    rows = {name: evaluate(each, dataset) for name, each in models.items()}
    print(json.dumps(rows, indent=2) if options.json else metrics_table(rows))
    if len(dataset) < FEWEST:
        print("course: so few pictures cannot tell which network is better", file=sys.stderr)
    if options.each is not None:
        columns = each_picture(model, dataset)
        table = io.StringIO(newline="")
        lines = csv.writer(table)
        lines.writerow(["picture", *columns])
        for name, *values in zip(dataset.names, *columns.values(), strict=True):
            lines.writerow([name, *(f"{value:.2f}" for value in values)])
        content = table.getvalue().encode("utf-8", "backslashreplace")
        write_atomic(options.each, content, new=True)
    return 0


def _colorize(options: argparse.Namespace) -> int:
    if options.size is not None:
        check_view(options.size)
    if options.temperature is not None:
        check_temperature(options.temperature)
    if any("://" in photo for photo in options.photos):
        raise ValueError("photos: expected files, got an address; download it first")
    touches = read_hints(options.hints) if options.hints is not None else []
    touches += map(parse_hint, options.hint)
    if touches and (len(options.photos) > 1 or os.path.isdir(options.photos[0])):
        raise ValueError("hints: expected one photograph, got several or a folder")

    from course_utils.album import colorize_album, write_contact_sheets
    from course_utils.colorize import load_model
    from course_utils.hints import Hint

    model = load_model(options.weights, fast=True)
    if options.temperature is not None:
        model.set_temperature(options.temperature)

    def on_photo(photo: Path, album: "Album") -> None:
        if photo in album.failed:
            _complain(printable(album.failed[photo]))
        elif photo in album.kept:
            kept = printable(album.kept[photo])
            print(f"{kept} exists already; --overwrite replaces it", file=sys.stderr)
        else:
            print(printable(album.made[photo]))

    out, choice = Path(options.out), (options.size, options.format, options.overwrite)
    album = colorize_album(
        options.photos, model, out, *choice, on_photo, [Hint(*touch) for touch in touches]
    )
    if album.made and out.is_dir() and any(map(os.path.isdir, options.photos)):
        for sheet in write_contact_sheets(album.results, out, options.overwrite):
            print(printable(sheet))
    if not album.failed:
        return 0
    return 1 if album.results else 2


def _data_list(_: argparse.Namespace) -> int:
    from course_utils.data import SCENE_COUNTS
    from course_utils.photos import SAMPLES
    from course_utils.plumbing.download import SOURCES
    from course_utils.plumbing.files import data_home

    print(f"scenes      {SCENE_COUNTS['train']} + {SCENE_COUNTS['val']} generated landscapes")
    print(f"samples     {len(SAMPLES)} photographs inside packages that the course needs")
    print("FOLDER      any folder of photographs, with or without train/ and val/ inside")
    print("\nDownloaded by `course data fetch NAME`:")
    for name, source in SOURCES.items():
        here = "  (here)" if (data_home() / name).is_dir() else ""
        length = f", {source.length / 1e6:.0f} MB" if source.length else ""
        print(f"{name:11} {source.what}{here}")
        print(f"{'':11} {source.images} photographs, {source.pixels} pixels{length}")
        print(f"{'':11} license: {source.license}")
        print(f"{'':11} {source.address}")
        print(f"{'':11} sha256 {source.sha256 or 'not published'}")
    return 0


def _data_fetch(options: argparse.Namespace) -> int:
    from course_utils.plumbing.download import fetch

    print(fetch(options.name))
    return 0


COMMANDS = {
    "doctor": _doctor,
    "progress": _progress,
    "data list": _data_list,
    "data fetch": _data_fetch,
    "train": _train,
    "evaluate": _evaluate,
    "colorize": _colorize,
}

"""The `course` command: a thin face on the package.

Exit status: 0 on success, 2 with one line on bad input, 1 when some of several photographs
could not be colorized, 130 when interrupted.
"""

import argparse
import json
import sys
from pathlib import Path

from course_utils.training import TrainConfig

LESSON_MINUTES = {  # what Run All takes on 2 cores without a GPU
    "00_start_here": 1,
    "01_lab_color": 1,
    "02_data": 1,
    "03_dilated_cnn": 1,
    "04_l2_training": 3,
    "05_results": 1,
}


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"course: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _doctor(_: argparse.Namespace) -> int:
    """What is installed, on which device."""
    import platform
    from importlib.metadata import requires, version

    import torch

    print(f"Python {platform.python_version()} on {platform.system()} ({platform.machine()})")
    for requirement in sorted(requires("colorization-course") or []):
        name = requirement.split(">=")[0].strip()
        print(f"  {name:14} {version(name)}")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    print(f"Device: {gpu or f'CPU, {torch.get_num_threads()} threads; every lesson runs on it'}")
    print("Minutes to run each lesson on 2 cores:")
    for lesson, minutes in LESSON_MINUTES.items():
        print(f"  {lesson:16} {minutes}")
    return 0


def _train(options: argparse.Namespace) -> int:
    from course_utils.figures import loss_curve
    from course_utils.training import fit

    names = ("data", "size", "width", "head", "epochs", "seed", "batch_size", "learning_rate")
    config = TrainConfig(**{name: getattr(options, name) for name in names})
    history = fit(config, out=options.out, resume=options.resume)
    if not history.rows:
        return 130
    figure = Path(options.out) / "loss.png"
    loss_curve(history).savefig(figure, dpi=120, bbox_inches="tight")
    best = history.best
    print(f"Best epoch {best['epoch']}: MSE(ab) {best['val_mse']:.1f} on the validation pictures")
    for name, mse in history.baselines.items():
        print(f"  {name:13} {mse:.1f}")
    print(f"Wrote {Path(options.out) / 'best.safetensors'} and {figure}")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from course_utils.colorize import load_model
    from course_utils.data import open_source
    from course_utils.metrics import baselines, evaluate, format_table

    model = load_model(options.weights)
    show = not options.json
    dataset = open_source(options.data, options.size, options.split, progress=show)
    train = open_source(options.data, options.size, "train", progress=show)
    models = {Path(options.weights).stem: model, **baselines(train)}
    rows = {name: evaluate(each, dataset) for name, each in models.items()}
    print(json.dumps(rows, indent=2) if options.json else format_table(rows))
    if show and dataset.report.broken:
        print(dataset.report)
    return 0


def _colorize(options: argparse.Namespace) -> int:
    from course_utils.colorize import colorize, load_model

    model = load_model(options.weights)
    if options.temperature is not None:
        model.set_temperature(options.temperature)
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for photo in map(Path, options.photos):
        target = out / f"{photo.stem}_color.png"
        try:
            if target.exists() and not options.overwrite:
                raise ValueError(f"{target}: exists already; add --overwrite to replace it")
            colorize(photo, model, options.size).save(target)
            print(target)
        except ValueError as error:
            print(f"course: {error}", file=sys.stderr)
            failed += 1
    if failed == len(options.photos):
        return 2
    return 1 if failed else 0


def _list_data(_: argparse.Namespace) -> int:
    from course_utils.data import SAMPLES, SCENE_COUNTS

    print(f"scenes   {SCENE_COUNTS['train']} + {SCENE_COUNTS['val']} generated landscapes")
    print(f"samples  {len(SAMPLES)} photographs that come with scikit-image")
    print("FOLDER   any folder of photographs, with or without train/ and val/ inside")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("course", description="Learn to colorize photographs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    default = TrainConfig()

    doctor = commands.add_parser("doctor", help="what is installed, and what lessons cost here")
    doctor.set_defaults(run=_doctor)

    data = commands.add_parser("data", help="sources of pictures")
    data.add_argument("action", choices=["list"])
    data.set_defaults(run=_list_data)

    train = commands.add_parser("train", help="train a network")
    train.add_argument("--data", required=True, help="scenes, samples or a folder of photographs")
    train.add_argument("--out", required=True, help="folder for weights, history and loss curve")
    train.add_argument("--size", type=int, default=default.size, help="pixels, a multiple of 8")
    train.add_argument("--width", type=float, default=default.width)
    train.add_argument("--head", default=default.head, choices=["regression", "classification"])
    train.add_argument("--epochs", type=int, default=default.epochs)
    train.add_argument("--batch-size", type=int, default=default.batch_size)
    train.add_argument("--learning-rate", type=float, default=default.learning_rate)
    train.add_argument("--seed", type=int, default=default.seed)
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="a trained network beside the baselines")
    evaluate.add_argument("--weights", required=True, help="a file, or a name in data/weights")
    evaluate.add_argument("--data", required=True)
    evaluate.add_argument("--size", type=int, default=default.size)
    evaluate.add_argument("--split", default="val", choices=["train", "val", "all"])
    evaluate.add_argument("--json", action="store_true")
    evaluate.set_defaults(run=_evaluate)

    colorize = commands.add_parser("colorize", help="colorize photographs")
    colorize.add_argument("photos", nargs="+", metavar="PHOTO")
    colorize.add_argument("--weights", required=True, help="a file, or a name in data/weights")
    colorize.add_argument("--out", required=True, help="folder for the results")
    colorize.add_argument("--temperature", type=float, help="classification head: in (0, 1]")
    colorize.add_argument("--size", type=int, help="the network's view, default as trained")
    colorize.add_argument("--overwrite", action="store_true")
    colorize.set_defaults(run=_colorize)
    return parser

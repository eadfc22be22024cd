"""What can be typed after `course`. Nothing here needs torch, so that `--help` answers at once."""

import argparse
from collections.abc import Callable, Mapping
from typing import NoReturn

from course_utils.plumbing.files import printable
from course_utils.plumbing.limits import HEADS
from course_utils.recipe import TrainConfig

GO_ON_RATE = 1e-3  # the peak of the learning rate for a network that is trained already

Run = Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"course: {printable(message)}; see `{self.prog} --help`\n")


def command_line(run: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The parser. `run`: a command -> what runs it, as `options.run`."""
    parser = _Parser("course", description="Learn to colorize photographs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    default = TrainConfig()

    doctor = commands.add_parser("doctor", help="what is installed, and how long lessons take here")
    doctor.set_defaults(run=run["doctor"])

    progress = commands.add_parser("progress", help="which exercises are done")
    progress.set_defaults(run=run["progress"])

    data = commands.add_parser("data", help="sources of pictures")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="every source, its size, license and address")
    listed.set_defaults(run=run["data list"])
    fetched = actions.add_parser("fetch", help="download a source")
    fetched.add_argument("name")
    fetched.set_defaults(run=run["data fetch"])

    train = commands.add_parser("train", help="train a network")
    train.add_argument(
        "--data", required=True, help="a source (see `course data list`) or a folder"
    )
    train.add_argument("--out", required=True, help="folder for weights, history and figures")
    train.add_argument("--size", type=int, default=default.size, help="pixels, a multiple of 8")
    own = "default {}, with --start that of its network"
    train.add_argument(
        "--width",
        type=float,
        help=f"multiplies the channels of the paper's network; {own.format(default.width)}",
    )
    train.add_argument("--head", choices=HEADS, help=own.format(default.head))
    train.add_argument(
        "--rebalanced", action="store_true", help="classification: rare colors weigh more"
    )
    train.add_argument("--epochs", type=int, default=default.epochs, help="default %(default)s")
    train.add_argument(
        "--batch-size", type=int, default=default.batch_size, help="default %(default)s"
    )
    train.add_argument(
        "--learning-rate",
        type=float,
        help=f"at its peak, default {default.learning_rate}, with --start {GO_ON_RATE}",
    )
    train.add_argument(
        "--growth",
        type=float,
        help="share of the epochs in which photographs grow from half of --size to all of it; "
        f"default {default.growth:g}, with --start 0",
    )
    train.add_argument("--start", help="trained weights to go on from, a file or a name")
    train.add_argument("--seed", type=int, default=default.seed, help="default %(default)s")
    train.add_argument("--threads", type=int, help="CPU threads, default one per core")
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")
    train.add_argument("--compile", action="store_true", help="by torch.compile: faster steps")
    train.set_defaults(run=run["train"])

    evaluate = commands.add_parser("evaluate", help="a trained network beside the baselines")
    evaluate.add_argument("--weights", required=True, help="a file, or a name in data/weights")
    evaluate.add_argument("--data", required=True, help="a source or a folder")
    evaluate.add_argument("--size", type=int, help="pixels, default as trained")
    evaluate.add_argument(
        "--split",
        choices=["train", "val", "all"],
        help="default val, or all for the source samples",
    )
    evaluate.add_argument("--json", action="store_true", help="every measure, in place of a table")
    evaluate.add_argument("--each", metavar="FILE", help="write a CSV file, one line per picture")
    evaluate.set_defaults(run=run["evaluate"])

    colorize = commands.add_parser("colorize", help="colorize photographs")
    colorize.add_argument(
        "photos",
        nargs="+",
        metavar="PHOTO",
        help="a file, a folder and all below it, a pattern, or a .txt file that lists them",
    )
    colorize.add_argument(
        "--weights",
        default="photographs",
        help="a file, or photographs (default), photographs-vivid, photographs-hints, landscapes",
    )
    colorize.add_argument(
        "--out",
        default="colored",
        help="folder for the results, default colored; for one photo also a .png or .jpg file",
    )
    colorize.add_argument(
        "--temperature",
        type=float,
        help="above 0 up to 1, lower is more vivid; needs a network such as photographs-vivid",
    )
    colorize.add_argument(
        "--size",
        type=int,
        help="pixels on the shorter side of the copy that the network sees; default as trained",
    )
    colorize.add_argument(
        "--format", choices=["png", "jpg"], help="of the results, default that of --out, or png"
    )
    colorize.add_argument("--overwrite", action="store_true", help="replace what is there")
    colorize.add_argument(
        "--hint",
        action="append",
        default=[],
        metavar="X,Y=#RRGGBB",
        help="a color at a place of a photograph, x and y from 0 to 1; may be given again",
    )
    colorize.add_argument("--hints", metavar="FILE", help='JSON: [{"x":, "y":, "color":}, ..]')
    colorize.set_defaults(run=run["colorize"])
    return parser

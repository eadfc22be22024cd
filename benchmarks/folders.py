"""Large folders, listed, grouped and split: `python benchmarks/folders.py [COUNT...]`.

A folder of so many links to one photograph is listed; then pictures of as many hashes are grouped
(a twentieth of them black and equal, a twentieth alike and not equal, pairs of copies among the
others) and split, and split again with the groups that were kept. Each count in a process of its
own, for its memory.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from course_utils.photos import all_files, is_named_picture, sample_photo
from course_utils.plumbing.cache import Entry
from course_utils.plumbing.splits import content_splits

IN_A_FOLDER, IN_A_LINK = 1000, 30_000  # links; a file system allows so many to one file


def link_photos(root: Path, count: int) -> None:
    for number in range(count):
        folder = root / f"{number // IN_A_FOLDER:04}"
        photo = root / f"photo {number // IN_A_LINK}.jpg"
        if number % IN_A_FOLDER == 0:
            folder.mkdir()
        if number % IN_A_LINK == 0:
            sample_photo("cat").resize((64, 64)).save(photo)
        (folder / f"{number:07}.jpg").hardlink_to(photo)


def hashes(count: int) -> list[str]:
    rng = random.Random(0)
    part = count // 20
    base = rng.getrandbits(128)
    flips = [sum(1 << bit for bit in rng.sample(range(128), 3)) for _ in range(part)]
    alike = [f"{base ^ flipped:032x}" for flipped in flips]
    pairs = [f"{rng.getrandbits(128):032x}" for _ in range((count - 2 * part) // 2)] * 2
    return [f"{1:032x}"] * part + alike + pairs


def measure(count: int) -> None:
    times = []
    with tempfile.TemporaryDirectory() as folder:
        link_photos(Path(folder), count)
        times.append(time.perf_counter())
        files = [file for file in all_files(Path(folder)) if is_named_picture(file)]
        times.append(time.perf_counter())
    entries = [Entry(str(n), f"{n:064x}", n, dhash=text) for n, text in enumerate(hashes(count))]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cache").mkdir()
        os.environ["COURSE_DATA"] = folder
        times.append(time.perf_counter())
        sides = content_splits(entries, Path(folder))
        times.append(time.perf_counter())
        content_splits(entries, Path(folder))
        times.append(time.perf_counter())
    listed, _, split, again = (b - a for a, b in pairwise(times))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{len(files):>9,} listed {listed:6.1f} s   grouped and split {split:6.1f} s"
        f"   {sides.count('val'):>7,} val   again {again:6.1f} s   {memory:.1f} GiB"
    )


def main() -> None:
    counts = [int(each) for each in sys.argv[1:]]
    if len(counts) == 1:
        return measure(counts[0])
    for count in counts or (10_000, 100_000, 1_000_000):
        subprocess.run([sys.executable, __file__, str(count)], check=True)
    return None


if __name__ == "__main__":
    main()

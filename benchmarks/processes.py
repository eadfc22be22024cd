"""Pictures a second by one and by two processes: `python benchmarks/processes.py`.

Trains on scenes by torchrun with the same batch in all: one process with one thread, one with all
threads, two processes with one thread each. Turns alternate, the best of each counts. Writes
`data/weights/processes.json`, which lesson 8 reads.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

TURNS, PICTURES, SIZE, WIDTH, BATCH = 3, 4000, 64, 0.25, 64
WEIGHTS = Path(__file__).resolve().parent.parent / "data" / "weights"
WAYS = {"1 process, 1 thread": (1, 1), "1 process, 2 threads": (1, 2), "2 processes": (2, 1)}


def pictures_per_second(processes: int, threads: int) -> float:
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += [f"--nproc-per-node={processes}", "-m", "course_utils", "train"]
        command += ["--data", "scenes", "--epochs", "1", "--size", str(SIZE)]
        command += ["--width", str(WIDTH), "--batch-size", str(BATCH), "--out", out]
        env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        subprocess.run(command, env=env, check=True, capture_output=True)
        row = json.loads(Path(out, "history.jsonl").read_text().splitlines()[1])
    return PICTURES / row["seconds"]


def main() -> None:
    best = dict.fromkeys(WAYS, 0.0)
    for turn in range(TURNS):
        for name, way in WAYS.items():
            speed = pictures_per_second(*way)
            best[name] = max(best[name], speed)
            print(f"turn {turn + 1}, {name}: {speed:.0f} pictures a second", flush=True)
    for name, speed in best.items():
        print(f"{name:21} {speed:6.0f}   {speed / next(iter(best.values())):.2f}x")
    about = {"cores": os.cpu_count(), "machine": platform.machine(), "batch": BATCH}
    about |= {"size": SIZE, "width": WIDTH, "pictures_per_second": best}
    (WEIGHTS / "processes.json").write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()

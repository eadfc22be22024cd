"""Seconds to the first color: `python benchmarks/first_color.py build/site`.

Three ways: the page, from opening it to the sample in color, in Chromium without a GPU; `python3
start.py run course colorize photo.jpg`, on a fresh clone with an empty cache of packages (which
downloads them: it takes gigabytes, so it is asked for with --fresh); and the same the second time,
in that clone, or here without one. The photo has a megapixel.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from course_utils.photos import sample_photo

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "browser"))
from chromium import chromium, served  # noqa: E402

SIZE = (1224, 816)  # pixels
TIMES = 3


def seconds(command: list[str], **options: object) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)
    return time.perf_counter() - begin


def page(site: Path) -> float:
    with served(site) as address, chromium() as browser:
        tab = browser.new_page()
        begin = time.perf_counter()
        tab.goto(address)
        tab.locator(".samples button").first.click()
        tab.locator("#status:text('Done')").wait_for(timeout=300_000)
        return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path, help="the folder that sphinx-build wrote")
    parser.add_argument("--fresh", action="store_true", help="install a fresh clone too")
    options = parser.parse_args()
    print(f"the page: {page(options.site):.1f} s")
    # Python compiles what it imports only once, as it does where nobody forbids it.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as place:
        folder, clone = Path(place), ROOT
        photo = folder / "photo.jpg"
        sample_photo("rocket").resize(SIZE).save(photo, quality=92)
        python = Path(sys.base_prefix) / "bin" / "python3"  # a virtual one may lack pip
        command = [python, "start.py", "run", "course", "colorize", photo, "--overwrite"]
        if options.fresh:
            clone = folder / "clone"
            subprocess.run(["git", "clone", "-q", "--depth", "1", ROOT.as_uri(), clone], check=True)
            env["UV_CACHE_DIR"] = str(folder / "cache")
            taken = seconds(command, cwd=clone, env=env)
            print(f"a fresh clone, with what it downloads: {taken:.1f} s")
        taken = [seconds(command, cwd=clone, env=env) for _ in range(TIMES + 1)][1:]
        print(f"the second time: {min(taken):.1f} s, at worst {max(taken):.1f}")


if __name__ == "__main__":
    main()

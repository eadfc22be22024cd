"""Every address in the lessons and pages: `python tests/links.py` asks for each of them, and exits
with 1 if one is dead. The scheduled workflow runs it; the tests look at the addresses' form alone.
"""

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import nbformat

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = re.compile(r"https?://[^\s<>\"'`\\)\]]+")
# Some hosts refuse programs, or ask them to slow down: that is no dead link.
ALIVE = {401, 403, 405, 429}


def addresses() -> dict[str, str]:
    """Address -> the first file that has it."""
    found: dict[str, str] = {}
    pages = [*ROOT.glob("*.md"), ROOT / "CITATION.cff", *(ROOT / "data").rglob("*.md")]
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    for lesson in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(lesson, as_version=4).cells
        texts[lesson.name] = "\n".join(cell.source for cell in cells)
    for name, text in texts.items():
        for address in ADDRESS.findall(text):
            found.setdefault(address.split("#")[0].rstrip(".,;:*"), name)
    return found


def problem(address: str, tries: int = 3, wait: float = 5) -> str | None:
    """Why an address is dead, after some tries, or None."""
    for attempt in range(tries):
        try:
            with urlopen(Request(address, headers={"User-Agent": "Mozilla/5.0"}), timeout=30):
                return None
        except HTTPError as error:
            if error.code in ALIVE:
                return None
            reason = f"{error.code} {error.reason}"
        except (OSError, ValueError) as error:
            reason = str(error)
        if attempt + 1 < tries:
            time.sleep(wait)
    return reason


def main() -> int:
    found = addresses()
    with ThreadPoolExecutor(8) as pool:
        dead = {a: why for a, why in zip(found, pool.map(problem, found), strict=True) if why}
    for address, why in dead.items():
        print(f"{found[address]}: {address}: {why}")
    print(f"{len(found)} addresses, {len(dead)} dead")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())

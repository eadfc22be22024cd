"""How long the front page of a built site takes to color a photo of 1024 x 768:
`python benchmarks/front_page.py build/site`.

From the choice to the picture in color, in Chromium without a GPU: the first time, with loading the
networks from this machine; then again with everything loaded; and how long a saved PNG takes.
"""

import argparse
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which

from playwright.sync_api import Page, sync_playwright

from course_utils.photos import sample_photo

BROWSER = which("chromium") or which("google-chrome")
TIMES = 3


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def seconds_to_color(page: Page, file: Path) -> float:
    begin = time.perf_counter()
    page.locator("#file").set_input_files(file)
    page.locator("#status:text('Done')").wait_for(timeout=300_000)
    return time.perf_counter() - begin


def seconds_to_save(page: Page) -> float:
    begin = time.perf_counter()
    with page.expect_download(timeout=300_000):
        page.locator("#save").click()
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", help="the folder that sphinx-build wrote")
    site = parser.parse_args().site
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        file = Path(folder) / "photo.jpg"
        sample_photo("rocket").resize((1024, 768)).save(file, quality=92)
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=BROWSER, args=arguments)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        print(f"colored, first time: {seconds_to_color(page, file):.2f} s")
        for _ in range(TIMES):
            print(f"colored, again: {seconds_to_color(page, file):.2f} s")
        print(f"saved: {seconds_to_save(page):.2f} s")
        browser.close()
        server.shutdown()


if __name__ == "__main__":
    main()

"""The browser that the tests drive, what serves its pages, and what the tests ask of a page."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
# The least contrast of a part's text with what lies behind it, as WCAG 2 defines it.
CONTRAST = """part => {
    const numbers = color => color.match(/[\\d.]+/g).map(Number);
    const luminance = color => {
        const [r, g, b] = numbers(color).map(c => c / 255)
            .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = node => {
        for (; node; node = node.parentElement) {
            const color = getComputedStyle(node).backgroundColor;
            if ((numbers(color)[3] ?? 1) > 0.5) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const texts = [...part.querySelectorAll('*')].filter(node => !node.disabled
        && [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()));
    return Math.min(21, ...texts.map(node => {
        const both = [luminance(getComputedStyle(node).color), luminance(behind(node))];
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    }));
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=BROWSER, args=arguments)
        yield browser
        browser.close()

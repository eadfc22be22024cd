"""The browser that the tests drive, what serves its pages, and what the tests ask of a page."""

import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

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
def jupyter(command: list, lessons: Path, patience: float, **settings: str) -> Iterator[str]:
    """The address, with {} for a path, of a Jupyter server that shows a folder.

    Args:
        command: what starts it.
        lessons: the folder; the server's log is written beside it.
        patience: seconds that the start may take.
        settings: more environment variables.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, log = secrets.token_hex(), lessons.with_suffix(".log")
    command = [*command, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    own = {"JUPYTER_TOKEN": token, "JUPYTER_CONFIG_DIR": str(lessons.with_suffix(".config"))}
    env, address = os.environ | own | settings, f"http://127.0.0.1:{port}/{{}}?token={token}"
    with open(log, "w") as told:
        server = subprocess.Popen(command, cwd=lessons, env=env, stdout=told, stderr=told)
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                urlopen(address.format("api")).close()
                break
            except URLError:
                assert server.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=BROWSER, args=arguments)
        yield browser
        browser.close()

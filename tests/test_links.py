import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import pytest
from links import addresses, problem


def test_addresses_have_the_right_form() -> None:
    found = addresses()
    assert len(found) > 10
    for address, file in found.items():
        parts = urlsplit(address)
        assert re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc), f"{file}: {address}"
        assert not parts.netloc.startswith("127."), f"{file}: {address}"
        assert re.fullmatch(r"[\w./?=&%+~-]*", address.split("://")[1]), f"{file}: {address}"


@pytest.fixture
def server() -> Iterator[str]:
    """/404 and /403 answer so, /late only the second time, anything else at once."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            first = self.path not in asked
            asked.append(self.path)
            code = {"/404": 404, "/403": 403, "/late": 503 if first else 200}.get(self.path, 200)
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()


def test_dead_links_are_told_from_refusals_and_hiccups(server: str) -> None:
    assert problem(server + "/page") is None
    assert problem(server + "/403") is None
    assert problem(server + "/late", wait=0) is None
    assert problem(server + "/late", tries=1) is None
    assert problem(server + "/404", tries=2, wait=0) == "404 Not Found"
    assert problem("https://127.0.0.1:1/", tries=1)
    assert problem("https://[bad", tries=1)

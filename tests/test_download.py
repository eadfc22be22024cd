"""Downloads from a server on this machine that is slow, cuts off, lies, or serves nonsense."""

import hashlib
import io
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image

from course_utils.cli import main
from course_utils.data import load_dataset
from course_utils.plumbing import download
from course_utils.plumbing.download import SOURCES, Source, fetch, source_folder, unpack

ROOT = Path(__file__).resolve().parent.parent


def archive_of(*members: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for member in members:
            if isinstance(member, tuple):
                name, content = member
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            else:
                tar.addfile(member)
    return file.getvalue()


def photo(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


GOOD = archive_of(*((f"flowers/train/{n}.png", photo(n)) for n in range(6)))


class Server(ThreadingHTTPServer):
    """Answers with `content`; `manner` may answer in its place, and then returns True."""

    def __init__(self) -> None:
        self.content, self.requests = GOOD, []
        self.manner: Callable[[BaseHTTPRequestHandler], bool] = lambda handler: False
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def start(self) -> int:
        given = self.headers.get("Range", "")
        return int(given.removeprefix("bytes=").rstrip("-")) if given else 0

    def head(self, code: int, length: int, start: int = 0) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(length))
        if code == 206:
            total = len(self.server.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.end_headers()

    def do_GET(self) -> None:
        start = self.start()
        self.server.requests.append(start)
        if self.server.manner(self):
            return
        content = self.server.content[start:]
        self.head(206 if start else 200, len(content), start)
        self.wfile.write(content)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "home"))
    monkeypatch.setattr(download, "time", SimpleNamespace(sleep=lambda seconds: None))
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/flowers.tgz"
        digest = hashlib.sha256(GOOD).hexdigest()
        source = Source("flowers", 6, "60 x 40", "MIT", address, len(GOOD), digest)
        monkeypatch.setitem(SOURCES, "flowers", source)
        yield server
        server.shutdown()


def images(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*.png"))


def test_a_source_is_fetched_once_and_opens_by_name(server: Server) -> None:
    with pytest.raises(ValueError, match="run: course data fetch flowers"):
        source_folder("flowers")
    folder = fetch("flowers")
    assert images(folder) == [f"{n}.png" for n in range(6)]
    assert fetch("flowers") == folder == source_folder("flowers")
    assert server.requests == [0]
    assert len(load_dataset("flowers", 16, "all")) == 6
    assert {path.name for path in folder.parent.iterdir()} <= {"flowers", "flowers.lock", "cache"}


def test_a_slow_server_is_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(handler: Handler) -> bool:
        handler.head(200, len(GOOD))
        for part in range(0, len(GOOD), len(GOOD) // 8):
            handler.wfile.write(GOOD[part : part + len(GOOD) // 8])
            time.sleep(0.3)
        return True

    monkeypatch.setattr(download.download, "__defaults__", (False, 2.0))  # less than all of it
    server.manner = slowly
    assert len(images(fetch("flowers"))) == 6
    assert server.requests == [0]


def test_a_cut_connection_goes_on_where_it_was(server: Server) -> None:
    third = len(GOOD) // 3

    def cut(handler: Handler) -> bool:
        start = handler.start()
        handler.head(206 if start else 200, len(GOOD) - start, start)
        handler.wfile.write(GOOD[start : start + third])
        return True

    server.manner = cut
    assert len(images(fetch("flowers"))) == 6
    assert server.requests == [0, third, 2 * third, 3 * third]


def test_a_silent_server_is_tried_again_and_then_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    monkeypatch.setattr(download.download, "__defaults__", (False, 0.5))
    server.manner = lambda handler: over.wait()
    with pytest.raises(ValueError, match=r"timed out.*scenes and samples"):
        fetch("flowers")
    over.set()
    assert len(server.requests) == download.TRIES


def test_what_came_so_far_is_kept_for_the_next_time(server: Server) -> None:
    half = len(GOOD) // 2

    def half_and_then_nothing(handler: Handler) -> bool:
        if handler.start():
            return True  # closes without an answer
        handler.head(200, len(GOOD))
        handler.wfile.write(GOOD[:half])
        return True

    server.manner = half_and_then_nothing
    with pytest.raises(ValueError, match="goes on from there"):
        fetch("flowers")
    server.manner = lambda handler: False
    server.requests.clear()
    assert len(images(fetch("flowers"))) == 6
    assert server.requests == [half]


def test_a_server_without_ranges_starts_anew(server: Server) -> None:
    (folder := download.data_home()).mkdir(parents=True)
    (folder / "flowers.download").write_bytes(GOOD[:100])

    def whole(handler: Handler) -> bool:
        handler.head(200, len(GOOD))
        handler.wfile.write(GOOD)
        return True

    server.manner = whole
    assert len(images(fetch("flowers"))) == 6


@pytest.mark.parametrize("told", [10, 10**12])
def test_a_wrong_length_is_not_believed(server: Server, told: int) -> None:
    def lie(handler: Handler) -> bool:
        if handler.start():
            return False
        handler.head(200, told)
        handler.wfile.write(GOOD)
        return True

    server.manner = lie
    assert len(images(fetch("flowers"))) == 6


def test_endless_content_is_cut_off(server: Server) -> None:
    server.content = GOOD + bytes(50_000_000)
    with pytest.raises(ValueError, match=rf"expected {len(GOOD)} bytes.*got {len(GOOD) + 1} with"):
        fetch("flowers")
    assert not list(download.data_home().glob("flowers*load"))


def test_another_file_is_refused_and_deleted(server: Server) -> None:
    server.content = GOOD[:-10] + bytes(10)
    with pytest.raises(ValueError, match="it was deleted"):
        fetch("flowers")
    assert not (download.data_home() / "flowers").exists()
    assert not (download.data_home() / "flowers.download").exists()


def test_what_to_do_offline_and_when_a_file_is_gone(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    server.manner = lambda handler: handler.send_error(404) or True
    with pytest.raises(ValueError, match="answered 404"):
        fetch("flowers")
    assert len(server.requests) == 1
    monkeypatch.setattr(download, "TRIES", 1)
    gone = SOURCES["flowers"].__class__(**{**vars(SOURCES["flowers"]), "address": NOWHERE})
    monkeypatch.setitem(SOURCES, "flowers", gone)
    assert main(["data", "fetch", "flowers"]) == 2
    said = capsys.readouterr().err
    assert "Without internet use the sources scenes and samples" in said
    assert "flowers.download" in said
    assert main(["data", "fetch", "nothing"]) == 2


NOWHERE = "http://127.0.0.1:9/flowers.tgz"  # the discard port: nobody listens


def link(kind: bytes, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo("flowers/link.png")
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("../outside.png", b"x")], "leaves the folder"),
        ([("/tmp/outside.png", b"x")], "leaves the folder"),
        ([("a/../../outside.png", b"x")], "leaves the folder"),
        ([("..\\outside.png", b"x")], "leaves the folder"),
        ([link(tarfile.SYMTYPE, "/etc/passwd")], "link or a device"),
        ([link(tarfile.LNKTYPE, "../../outside.png")], "link or a device"),
        ([link(tarfile.CHRTYPE, "")], "link or a device"),
        ([("bomb.png", bytes(20_000_000))], "far more than expected"),
        ([(f"{n}.png", b"") for n in range(1100)], "far more than expected"),
    ],
)
def test_a_hostile_archive_is_refused(tmp_path: Path, members: list, message: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "archive.tgz").write_bytes(archive_of(("flowers/good.png", photo(0)), *members))
    with pytest.raises(ValueError, match=message):
        unpack(home / "archive.tgz", home / "flowers", Source("", 6, "", "", ""))
    assert [path.name for path in home.iterdir()] == ["archive.tgz"]
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_no_archive_at_all(tmp_path: Path) -> None:
    (tmp_path / "page.tgz").write_bytes(b"<html>Please log in</html>")
    with pytest.raises(ValueError, match="expected a tar archive"):
        unpack(tmp_path / "page.tgz", tmp_path / "flowers", Source("", 6, "", "", ""))


def test_landscapes_come_through_kagglehub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "home"))
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(ValueError, match="pip install kagglehub"):
        fetch("landscapes")
    for part in ("seg_train", "seg_test"):
        for kind in (*download.NATURAL, "street"):
            folder = tmp_path / "kaggle" / part / part / kind
            folder.mkdir(parents=True)
            (folder / "1.png").write_bytes(photo(1))
    asked = []
    fake = SimpleNamespace(dataset_download=lambda name: asked.append(name) or tmp_path / "kaggle")
    monkeypatch.setitem(sys.modules, "kagglehub", fake)
    fetch("landscapes")
    assert asked == ["puneet6060/intel-image-classification"]
    names = load_dataset("landscapes", 16, "val").names
    assert names == [f"val/{kind}/1.png" for kind in download.NATURAL]

    def offline(_: str) -> None:
        raise OSError("no route to host")

    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "another"))
    monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=offline))
    with pytest.raises(ValueError, match=r"no route to host\. Without internet"):
        fetch("landscapes")


def test_the_sources_are_described_alike_everywhere(capsys: pytest.CaptureFixture) -> None:
    text = (ROOT / "data" / "README.md").read_text("utf-8")
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    assert main(["data", "list"]) == 0
    listed = capsys.readouterr().out
    assert set(rows) == {"scenes", "samples", *SOURCES}
    for name, source in SOURCES.items():
        for said in (source.license, source.pixels, source.sha256 or "not published"):
            assert said in rows[name]
            assert said in listed
        assert f"{source.images:,}" in rows[name]
        assert str(source.images) in listed
        address = source.address.replace("kaggle:", "https://www.kaggle.com/datasets/")
        assert address in rows[name]
        assert source.address in listed


def test_torchvision_knows_the_same_addresses() -> None:
    known = torchvision.datasets
    assert SOURCES["imagenette"].address == known.Imagenette._ARCHIVES["160px"][0]
    flowers = known.Flowers102._download_url_prefix + known.Flowers102._file_dict["image"][0]
    assert SOURCES["flowers102"].address == flowers
    places = known.Places365._BASE_URL + known.Places365._IMAGES_META[("val", True)][0]
    assert SOURCES["places365"].address == places

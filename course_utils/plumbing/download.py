"""Sources that are downloaded: their addresses, and how they are downloaded and verified.

A download is resumable and verified by its length and SHA-256. The archive is unpacked into a
temporary folder that is renamed at the end, so a folder that exists is complete.
"""

import hashlib
import shutil
import ssl
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from filelock import FileLock

from course_utils.plumbing.files import data_home
from course_utils.plumbing.progress import progress_bar

TRIES, TIMEOUT = 5, 30.0  # tries in a row that bring nothing; seconds without a byte
CHUNK = 2**18
KAGGLE = "kaggle:puneet6060/intel-image-classification"
NATURAL = ("forest", "glacier", "mountain", "sea")


@dataclass(frozen=True)
class Source:
    """A set of photographs that others publish."""

    what: str
    images: int
    pixels: str
    license: str
    address: str
    length: int = 0  # bytes of the archive
    sha256: str = ""  # of the archive; Kaggle publishes none


SOURCES = {
    "landscapes": Source(
        "forests, glaciers, mountains and sea: the natural classes of Intel Image Classification",
        11_523,
        "150 x 150",
        "none stated",
        KAGGLE,
    ),
    "imagenette": Source(
        "ten easy classes of ImageNet, from fish to parachutes",
        13_394,
        "160 on the short side",
        "ImageNet's terms: non-commercial research and education",
        "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
        99_003_388,
        "64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5",
    ),
    "flowers102": Source(
        "flowers of 102 kinds, Oxford",
        8_189,
        "500 and more on the short side",
        "none stated",
        "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/102flowers.tgz",
        344_862_509,
        "2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246",
    ),
    "places365": Source(
        "places of 365 kinds, the validation set, MIT",
        36_500,
        "256 x 256",
        "Places' terms: non-commercial research and education",
        "http://data.csail.mit.edu/places/places365/val_256.tar",
        525_158_400,
        "24b4e639ef12a0012af525bc4cb443e4ab4aaea8369a1fb009b70e4a4aad5d48",
    ),
}


def source_folder(name: str) -> Path:
    """The folder of a downloaded source.

    Raises:
        ValueError: it has not been downloaded.
    """
    folder = data_home() / name
    if not folder.is_dir():
        raise ValueError(
            f"{name}: expected in {folder}, not downloaded yet; run: course data fetch {name}"
        )
    return folder


def fetch(name: str, progress: bool = True) -> Path:
    """Download a source, if it is not here yet, and return its folder.

    Raises:
        ValueError: no such source, no connection, no room, or not the file that was expected.
    """
    if name not in SOURCES:
        raise ValueError(f"source: expected one of {', '.join(SOURCES)}, got {name!r}")
    source, folder = SOURCES[name], data_home() / name
    try:
        data_home().mkdir(parents=True, exist_ok=True)
        with FileLock(data_home() / f"{name}.lock"):
            if folder.is_dir():
                return folder
            if source.address == KAGGLE:
                _from_kaggle(folder)
            else:
                archive = data_home() / f"{name}.download"
                download(source, archive, progress)
                unpack(archive, folder, source)
                archive.unlink()
    except OSError as error:
        raise ValueError(f"{name}: cannot write to {data_home()}: {error}") from error
    return folder


def download(source: Source, file: Path, progress: bool = False, timeout: float = TIMEOUT) -> None:
    """Download an archive; go on with what is there of it already.

    Raises:
        ValueError: no connection, or another file than was expected.
    """
    host, tries = urlsplit(source.address).netloc, TRIES
    bar = progress_bar(
        total=source.length,
        desc=f"downloading from {host}",
        unit="B",
        unit_scale=True,
        disable=not progress,
    )
    with bar:
        while True:
            had = file.stat().st_size if file.exists() else 0
            bar.update(had - bar.n)
            if had >= source.length:
                break
            try:
                _continue(source, file, had, bar, timeout)
                reason = "the connection was cut"
            except HTTPError as error:
                if error.code < 500 and error.code != 416:
                    raise _unreachable(source, file, f"answered {error.code}") from error
                reason = f"answered {error.code}"
            except (URLError, TimeoutError, ConnectionError, ssl.SSLError) as error:
                reason = str(getattr(error, "reason", error))
            got = file.stat().st_size if file.exists() else 0
            tries = TRIES if got > had else tries - 1
            if tries == 0:
                raise _unreachable(source, file, reason)
            if got <= had:
                time.sleep(min(1.0, timeout / 10) * (TRIES - tries))
    with open(file, "rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if digest != source.sha256 or file.stat().st_size != source.length:
        length = file.stat().st_size
        file.unlink()
        raise ValueError(
            f"{source.address}: expected {source.length} bytes with sha256 {source.sha256[:16]}…, "
            f"got {length} with {digest[:16]}…; it was deleted. Try again, or use another source"
        )


def unpack(archive: Path, folder: Path, source: Source) -> None:
    """Unpack a tar archive into a folder of its own: plain files and folders only.

    If the archive holds a single top-level folder, its contents are used.

    Raises:
        ValueError: a path that leaves the folder, a link or device, far more than expected, or
            not an archive.
    """
    room = 4 * archive.stat().st_size + 2**20  # photographs are packed already
    most = 2 * source.images + 1000
    building = Path(tempfile.mkdtemp(prefix=f"{folder.name}-unpacking-", dir=folder.parent))
    try:
        with tarfile.open(archive) as tar:
            for number, member in enumerate(tar):
                path = PurePosixPath(member.name)
                if path.is_absolute() or ".." in path.parts or "\\" in member.name:
                    raise ValueError(f"{archive.name}: {member.name!r} leaves the folder")
                if not (member.isfile() or member.isdir()):
                    raise ValueError(f"{archive.name}: {member.name!r} is a link or a device")
                room -= member.size
                if room < 0 or number >= most:
                    raise ValueError(f"{archive.name}: unpacks to far more than expected")
                tar.extract(member, building, filter="data")
        inside = list(building.iterdir())
        whole = inside[0] if len(inside) == 1 and inside[0].is_dir() else building
        whole.replace(folder)
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{archive.name}: expected a tar archive, got: {error}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _continue(source: Source, file: Path, had: int, bar: object, timeout: float) -> None:
    """Continue over one connection, or restart; read at most one byte more than expected."""
    request = Request(source.address, headers={"User-Agent": "colorization-course"})
    if had:
        request.add_header("Range", f"bytes={had}-")
    with urlopen(request, timeout=timeout) as answer:
        goes_on = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(
            f"bytes {had}-"
        )
        if not goes_on:
            bar.update(-had)
            had = 0
        with open(file, "ab" if goes_on else "wb") as out:
            while chunk := answer.read(min(CHUNK, source.length + 1 - had)):
                out.write(chunk)
                had += len(chunk)
                bar.update(len(chunk))


def _unreachable(source: Source, file: Path, reason: str) -> ValueError:
    return ValueError(
        f"{source.address}: {reason}. What came so far is kept, and the next try goes on from "
        f"there. Without internet use the sources scenes and samples, or bring the file from "
        f"elsewhere to {file}"
    )


def _from_kaggle(folder: Path) -> None:
    try:
        import kagglehub
    except ImportError:
        raise ValueError(
            f"{folder.name}: expected the package kagglehub; run: pip install kagglehub"
        ) from None
    try:
        whole = Path(kagglehub.dataset_download(KAGGLE.removeprefix("kaggle:")))
    except Exception as error:  # whatever its network libraries raise
        raise ValueError(
            f"{KAGGLE}: {type(error).__name__}: {error}. Without internet use the sources scenes "
            "and samples, or give the path of a folder of your own"
        ) from error
    building = Path(tempfile.mkdtemp(prefix=f"{folder.name}-copying-", dir=folder.parent))
    try:
        for split, part in (("train", "seg_train"), ("val", "seg_test")):
            for kind in NATURAL:
                shutil.copytree(whole / part / part / kind, building / split / kind)
        building.replace(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)

import os
import struct
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from course_utils.album import Album, colorize_album, contact_sheet, write_contact_sheets
from course_utils.colorize import colorize, load_model
from course_utils.hints import Hint
from course_utils.network import ColorizationNet
from course_utils.photos import sample_photo
from course_utils.plumbing.results import read_mark


@pytest.fixture(scope="module")
def model() -> ColorizationNet:
    return load_model("landscapes", "cpu")


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_exif_is_kept_and_the_result_is_upright(
    kind: str, model: ColorizationNet, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"  # orientation: turned; make
    Image.new("RGB", (40, 24), "gray").save(tmp_path / "photo.jpg", exif=exif)
    album = colorize_album([tmp_path / "photo.jpg"], model, tmp_path / "out", kind=kind)
    result = Image.open(album.made[tmp_path / "photo.jpg"])
    assert result.format == {"png": "PNG", "jpg": "JPEG"}[kind]
    assert result.size == (24, 40)
    assert result.getexif().get(0x010F) == "a camera"
    assert result.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_results_say_nothing_that_is_no_longer_true(
    kind: str, model: ColorizationNet, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    photo = exif.get_ifd(ExifTags.IFD.Exif)
    photo[ExifTags.Base.ColorSpace], photo[ExifTags.IFD.Interop] = 65535, {1: "R03"}  # Adobe RGB
    photo[ExifTags.Base.DateTimeOriginal] = "1950:01:01 00:00:00"
    content = exif.tobytes()
    first = len(b"Exif\0\0") + 8  # where the first directory begins, and its end names the next
    count = int.from_bytes(content[first : first + 2], "big")
    link = first + 2 + 12 * count
    thumbnail = struct.pack(">HHHIIHHIII", 2, 0x0201, 4, 1, 999, 0x0202, 4, 1, 3, 0) + b"old"
    following = len(content) - len(b"Exif\0\0")
    content = content[:link] + struct.pack(">I", following) + content[link + 4 :] + thumbnail
    file = tmp_path / "photo.jpg"
    Image.new("L", (40, 24), 99).save(file, exif=content, dpi=(300, 300))
    assert Image.open(file).getexif().get_ifd(ExifTags.IFD.IFD1)
    result = Image.open(colorize_album(file, model, tmp_path / "out", kind=kind).made[file])
    kept = result.getexif()
    about = kept.get_ifd(ExifTags.IFD.Exif)
    assert not kept.get_ifd(ExifTags.IFD.IFD1)
    assert about[ExifTags.Base.ColorSpace] == 1
    assert ExifTags.IFD.Interop not in about
    assert about[ExifTags.Base.DateTimeOriginal] == "1950:01:01 00:00:00"
    assert [round(each) for each in result.info["dpi"]] == [300, 300]


def test_a_result_says_that_its_colors_are_a_guess(model: ColorizationNet, tmp_path: Path) -> None:
    exif, file = Image.Exif(), tmp_path / "photo.jpg"
    exif[ExifTags.Base.ImageDescription] = "Großmutter, 1931".encode()
    exif[ExifTags.Base.Artist] = "José".encode()
    Image.new("L", (24, 24), 99).save(file, exif=exif)
    result = colorize_album(file, model, tmp_path / "out", kind="jpg").made[file]
    kept = Image.open(result).getexif()
    description = kept[ExifTags.Base.ImageDescription].encode("latin-1").decode()
    assert description == f"Großmutter, 1931. {read_mark(result)}"
    assert read_mark(result).startswith("Colorized by a neural network. The colors are a guess, ")
    assert kept[ExifTags.Base.Artist].encode("latin-1").decode() == "José"
    as_png = colorize_album(file, model, tmp_path / "out").made[file]
    assert Image.open(as_png).text["Description"] == read_mark(as_png) == read_mark(result)
    again = colorize_album(result, model, tmp_path / "again", kind="jpg").made[result]
    description = Image.open(again).getexif()[ExifTags.Base.ImageDescription]
    assert description.count("a guess") == 1  # of the last network
    assert read_mark(file) == ""


def put(folder: Path, *names: str) -> None:
    """Small photographs."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), "gray").save(folder / name, "PNG")


def made_of(album: Album, out: Path) -> dict[str, str]:
    results = album.results.items()
    return {photo.name: result.relative_to(out).as_posix() for photo, result in results}


def test_places_are_kept(model: ColorizationNet, tmp_path: Path) -> None:
    photos, out, seen = tmp_path / "photos", tmp_path / "out", []
    put(photos, "a/one.png", "b/two.png")
    album = colorize_album([photos], model, out, on_photo=lambda photo, _: seen.append(photo))
    assert made_of(album, out) == {"one.png": "a/one_color.png", "two.png": "b/two_color.png"}
    assert len(seen) == 2
    with pytest.raises(ValueError, match="kind: expected one of png, jpg, got 'gif'"):
        colorize_album([photos], model, out, kind="gif")


def test_photos_of_one_name_and_two_endings(model: ColorizationNet, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    put(photos, "a.jpg", "a.png", "A.webp", "b.png")
    expected = {
        "A.webp": "A_color.png",
        "a.jpg": "a.jpg_color.png",
        "a.png": "a.png_color.png",
        "b.png": "b_color.png",
    }
    assert made_of(colorize_album(photos, model, out), out) == expected
    for names in (["a.png"], ["a.png", "a.jpg"], ["a.jpg", "b.png", "A.webp"]):  # in any call
        album = colorize_album([photos / name for name in names], model, out)
        assert made_of(album, out) == {name: expected[name] for name in names}
        assert not album.made


def test_photos_of_one_name_from_two_folders_are_refused(
    model: ColorizationNet, tmp_path: Path
) -> None:
    put(tmp_path, "x/a.png", "y/a.png")
    album = colorize_album([tmp_path / "x/a.png", tmp_path / "y/a.png"], model, tmp_path / "out")
    (why,) = album.failed.values()
    assert "both would become" in why
    assert len(album.made) == 1


def test_what_in_a_folder_is_no_photograph(model: ColorizationNet, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    put(photos, "a.jpg", "._a.jpg", ".DS_Store", "raw.dng", "new.jxl", "noending")
    told = r"photos: 3 files not named as pictures: new\.jxl, noending, raw\.dng$"
    with pytest.warns(UserWarning, match=told):
        album = colorize_album(photos, model, tmp_path / "out")
    assert made_of(album, tmp_path / "out") == {"a.jpg": "a_color.png"}
    assert not album.failed


def test_results_are_known_by_what_is_in_them(model: ColorizationNet, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    put(photos, "a.jpg")
    for kind in ("png", "jpg"):
        album = colorize_album(photos / "a.jpg", model, photos, kind=kind)
    write_contact_sheets(album.results, photos)
    (photos / "a_color.jpg").rename(photos / "by another name.jpg")
    put(photos, "beach_color.jpg", "contact_sheet_2.jpg")  # no results, for all their names
    assert made_of(colorize_album(photos, model, out), out) == {
        "a.jpg": "a_color.png",
        "beach_color.jpg": "beach_color_color.png",
        "contact_sheet_2.jpg": "contact_sheet_2_color.png",
    }
    with pytest.raises(ValueError, match="photographs in this folder, found only results"):
        colorize_album(out, model, photos)
    named = colorize_album(photos / "a_color.png", model, out)  # one that is asked for
    assert made_of(named, out) == {"a_color.png": "a_color_color.png"}


def test_a_result_is_of_one_photograph_and_one_way(model: ColorizationNet, tmp_path: Path) -> None:
    photo, other, out = tmp_path / "1" / "scan.jpg", tmp_path / "2" / "scan.jpg", tmp_path / "out"
    put(tmp_path, "1/scan.jpg")
    (result,) = colorize_album(photo, model, out).made.values()
    before = result.read_bytes()
    vivid = load_model("photographs-vivid", "cpu")

    def why(photo: Path, model: ColorizationNet, **options: object) -> str:
        (reason,) = colorize_album(photo, model, out, **options).failed.values()
        assert reason.startswith(f"{photo}: expected {result} to be its result, ")
        assert result.read_bytes() == before
        return reason

    assert colorize_album(photo, load_model("landscapes", "cpu", fast=True), out).kept
    assert "other weights or options" in why(photo, vivid)
    assert "other weights or options" in why(photo, model, size=128)
    assert "other weights or options" in why(photo, model, hints=[Hint(0.5, 0.5, "#c03020")])
    other.parent.mkdir()
    Image.new("RGB", (16, 16), "orange").save(other)
    assert "of another photograph" in why(other, model)
    Image.new("RGB", (16, 16), "purple").save(photo)  # edited since
    assert "of another photograph" in why(photo, model)
    assert colorize_album(photo, vivid, out, overwrite=True).made
    assert colorize_album(photo, vivid, out).kept
    vivid.set_temperature(0.5)
    before = result.read_bytes()
    assert "other weights or options" in why(photo, vivid)
    put(out, result.name)
    before = result.read_bytes()
    assert "it is another file" in why(photo, vivid)


def test_one_photo_may_become_a_named_file(model: ColorizationNet, tmp_path: Path) -> None:
    put(tmp_path, "a.png", "folder.png/c.png")
    Image.new("RGB", (16, 16), "orange").save(tmp_path / "b.png")
    photo, out = tmp_path / "a.png", tmp_path / "new" / "result.JPEG"
    assert colorize_album(photo, model, out).made == {photo: out}
    assert Image.open(out).format == "JPEG"
    assert colorize_album(photo, model, out).kept == {photo: out}
    assert not colorize_album(tmp_path / "b.png", model, out).results
    assert colorize_album(tmp_path / "b.png", model, out, overwrite=True).made
    assert colorize_album(photo, model, tmp_path / "folder.png").made  # it is a folder already
    for photos, name, kind, message in (
        ("?.png", "x.png", None, "expected a folder for 2 photographs, got "),
        ("a.png", "x.webp", None, r"expected a folder, or a file named as \.png or \.jpg, got "),
        ("a.png", "x.png", "jpg", "expected a folder, or a file named as jpg, got "),
    ):
        with pytest.raises(ValueError, match=f"^out: {message}"):
            colorize_album(tmp_path / photos, model, tmp_path / name, kind=kind)
        assert not (tmp_path / name).exists()


def test_a_photograph_is_never_written_over(model: ColorizationNet, tmp_path: Path) -> None:
    put(tmp_path, "a.png", "a_color.png")
    before = (tmp_path / "a.png").read_bytes()
    photos = [tmp_path / "a.png", tmp_path / "a_color.png"]
    album = colorize_album(photos, model, tmp_path, overwrite=True)
    assert list(album.made) == photos[1:]
    album = colorize_album(photos[0], model, photos[0], overwrite=True)
    assert "that is a photograph" in album.failed[photos[0]]
    assert [photo.read_bytes() for photo in photos] == [before, before]


def test_what_another_call_wrote_meanwhile_is_not_lost(
    model: ColorizationNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a.png")
    photo, result = tmp_path / "a.png", tmp_path / "out" / "a_color.png"

    def slowly(*given: object, **options: object) -> Image.Image:
        result.write_bytes(b"theirs")
        return colorize(*given, **options)

    monkeypatch.setattr("course_utils.album.colorize", slowly)
    album = colorize_album(photo, model, result.parent)
    assert album.failed == {photo: f"{photo}: expected to write {result}, got: File exists"}
    assert [file.read_bytes() for file in result.parent.iterdir()] == [b"theirs"]
    assert colorize_album(photo, model, result.parent, overwrite=True).made


def test_a_pattern_is_the_files_that_match(model: ColorizationNet, tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.jpg", "c.png", "[d].jpg")
    out = tmp_path / "out"
    album = colorize_album(str(tmp_path / "?.jpg"), model, out)
    assert [photo.name for photo in album.made] == ["a.jpg", "b.jpg"]
    album = colorize_album(tmp_path / "[d].jpg", model, out)  # a file of such a name goes before
    assert [photo.name for photo in album.made] == ["[d].jpg"]
    album = colorize_album(str(tmp_path / "*.bmp"), model, out)
    assert "no such file" in next(iter(album.failed.values()))
    with pytest.raises(ValueError, match="hints: expected one photograph, got 2"):
        colorize_album(str(tmp_path / "?.jpg"), model, out, hints=[Hint(0.5, 0.5, "#c03020")])


def test_a_list_is_the_files_in_it(
    model: ColorizationNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "é a.jpg", "b.jpg", "folder/c.png")
    monkeypatch.chdir(tmp_path)
    lines = "\ufeffé a.jpg\r\n\n  folder\nb.*\nmissing.jpg"
    (tmp_path / "list.TXT").write_text(lines, "utf-8")
    album = colorize_album("list.TXT", model, "out")
    assert [str(photo) for photo in album.made] == ["é a.jpg", "folder/c.png", "b.jpg"]
    assert list(album.failed.values()) == ["missing.jpg: expected a photograph, no such file"]
    (tmp_path / "list.txt").write_text(lines, "utf-16")
    with pytest.raises(ValueError, match=r"list\.txt: expected a list of files in UTF-8"):
        colorize_album("list.txt", model, "out")


def test_a_name_as_long_as_names_may_be(model: ColorizationNet, tmp_path: Path) -> None:
    put(tmp_path, "n" * 245 + ".jpg")
    album = colorize_album(tmp_path / ("n" * 245 + ".jpg"), model, tmp_path / "out")
    assert not album.failed


def test_a_string_is_one_photo_or_folder(
    model: ColorizationNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("photos/a.png", "p", "h.png"):  # letters of "photos", were they taken one by one
        Image.new("RGB", (16, 16), "gray").save(tmp_path / name, "PNG")
    monkeypatch.chdir(tmp_path)
    for photos in ("photos", Path("photos"), "photos/a.png"):
        album = colorize_album(photos, model, "out", overwrite=True)
        assert list(album.made) == [Path("photos/a.png")]
        assert not album.failed
    with os.scandir("photos") as entries:
        assert colorize_album(entries, model, "out").kept
    for photos in (b"photos", [b"photos"], 5, None, [None], sample_photo("cat")):
        with pytest.raises(TypeError, match=r"^photos: expected a name or a path, got"):
            colorize_album(photos, model, "out")
    with pytest.raises(TypeError, match=r"^out: expected a name or a path, got None"):
        colorize_album("photos", model, None)


def test_a_contact_sheet_shows_each_photo_in_gray_and_in_color(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected at least one"):
        contact_sheet({})
    sample_photo("coffee").save(tmp_path / "coffee.png")
    sheet = contact_sheet({tmp_path / "coffee.png": tmp_path / "coffee.png"}, side=100)
    assert sheet.size == (215, 122)
    left, right = (sheet.crop((x, 20, x + 90, 90)).convert("HSV") for x in (10, 110))
    assert left.getchannel("S").getextrema()[1] == 0
    assert right.getchannel("S").getextrema()[1] > 100

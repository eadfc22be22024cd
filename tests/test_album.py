from pathlib import Path

import pytest
from PIL import Image

from course_utils.album import colorize_album, contact_sheet
from course_utils.colorize import load_model
from course_utils.network import ColorizationNet
from course_utils.photos import sample_photo


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


def test_places_are_kept_and_names_that_meet_are_refused(
    model: ColorizationNet, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    for name in ("a/one.png", "b/one.png", "b/one.jpg"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), "gray").save(photos / name)
    seen = []
    album = colorize_album(
        [photos], model, tmp_path / "out", on_photo=lambda photo, _: seen.append(photo)
    )
    assert set(album.made.values()) == {
        tmp_path / "out" / "a" / "one_color.png",
        tmp_path / "out" / "b" / "one_color.png",
    }
    (why,) = album.failed.values()
    assert "both would become" in why
    assert len(seen) == 3
    with pytest.raises(ValueError, match="kind: expected one of png, jpg, got 'gif'"):
        colorize_album([photos], model, tmp_path / "out", kind="gif")


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
    with pytest.raises(TypeError):
        colorize_album([b"photos"], model, "out")


def test_a_contact_sheet_shows_each_photo_in_gray_and_in_color(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected at least one"):
        contact_sheet({})
    sample_photo("coffee").save(tmp_path / "coffee.png")
    sheet = contact_sheet({tmp_path / "coffee.png": tmp_path / "coffee.png"}, side=100)
    assert sheet.size == (215, 122)
    left, right = (sheet.crop((x, 20, x + 90, 90)).convert("HSV") for x in (10, 110))
    assert left.getchannel("S").getextrema()[1] == 0
    assert right.getchannel("S").getextrema()[1] > 100

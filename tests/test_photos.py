"""Pictures of every kind: modes, profiles, orientations, and resizing."""

import errno
import io
import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, features

from course_utils.data import load_dataset
from course_utils.photos import (
    all_files,
    is_named_picture,
    photo_to_lab,
    pil_to_tensor,
    read_ordinary,
    read_photo,
    read_pixels,
    resize,
    sample_photo,
)


def picture(mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(np.full((8, 8), 32896, dtype=np.uint16))
    if mode == "F":
        return Image.fromarray(np.full((8, 8), 128 / 255, dtype=np.float32))
    if mode in ("LA", "RGBA"):
        half = Image.new("RGBA", (8, 8), (0, 0, 0, 127))  # half-transparent black, over white
        return half.convert(mode)
    if mode == "CMYK":
        return Image.new("RGB", (8, 8), (128, 128, 128)).convert("CMYK")
    if mode == "P":
        return Image.new("RGB", (8, 8), (128, 128, 128)).quantize()
    if mode == "1":
        return Image.new("1", (8, 8), 1)
    return Image.new("RGB", (8, 8), (128, 128, 128)).convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F"])
def test_any_mode_becomes_rgb(mode: str) -> None:
    image = read_photo(picture(mode))
    assert image.mode == "RGB"
    expected = 255 if mode == "1" else 128
    assert np.abs(np.asarray(image, int) - expected).max() <= 2


FILES = {
    "png": {},
    "jpg": {"quality": 95, "subsampling": 0},
    "progressive.jpg": {"quality": 95, "subsampling": 0, "progressive": True},
    "webp": {"quality": 95},
    "avif": {"quality": 95, "subsampling": "4:4:4"},
    "bmp": {},
    "tiff": {"compression": "tiff_lzw"},
    "gif": {},
}


@pytest.mark.parametrize("ending", FILES)
def test_any_file_keeps_its_colors(ending: str, tmp_path: Path) -> None:
    if ending == "avif" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    original = sample_photo("cat").resize((96, 64))
    original.save(tmp_path / f"cat.{ending}", **FILES[ending])
    assert is_named_picture(tmp_path / f"cat.{ending}")
    back = read_photo(tmp_path / f"cat.{ending}")
    assert back.mode == "RGB"
    difference = np.abs(np.asarray(back, int) - np.asarray(original, int))
    assert difference.mean() < (8 if ending == "gif" else 3)


def test_a_heic_picture_is_read_or_names_the_package() -> None:
    if find_spec("pillow_heif") is None:
        with pytest.raises(ValueError, match="a HEIC picture; run: pip install pillow-heif"):
            read_photo(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        return
    original, content = sample_photo("cat").resize((96, 64)), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    original.save(content, "HEIF", quality=95, exif=exif.tobytes())
    back = np.asarray(read_photo(content.getvalue()), int)
    assert np.abs(back - np.rot90(np.asarray(original, int), -1)).mean() < 4


def test_16_bit_png_and_cmyk_jpeg(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
    Image.fromarray(ramp.astype(np.uint16)).save(tmp_path / "deep.png")
    deep = np.asarray(read_photo(tmp_path / "deep.png"), int)
    assert np.abs(deep[..., 0] - ramp / 257).max() <= 1
    sample_photo("cat").convert("CMYK").save(tmp_path / "print.jpg")
    cat = np.asarray(sample_photo("cat"), int)
    assert np.abs(np.asarray(read_photo(tmp_path / "print.jpg"), int) - cat).mean() < 4


@pytest.mark.parametrize(("white", "over"), [(1.0, 1.01), (255.0, 256.0), (65535.0, 70000.0)])
def test_float_pictures_keep_their_scale(white: float, over: float, tmp_path: Path) -> None:
    values = np.full((8, 8), white / 2, dtype=np.float32)
    values[0, :3] = over, np.nan, np.inf
    Image.fromarray(values).save(tmp_path / "float.tiff")
    pixels = np.asarray(read_photo(tmp_path / "float.tiff"), int)
    assert np.abs(pixels[1:] - 127.5).max() <= 1


def test_lab_of_any_picture(tmp_path: Path) -> None:
    photo = sample_photo("cat").resize((40, 30))
    photo.save(tmp_path / "cat.png")
    expected = photo_to_lab(photo)
    assert torch.equal(photo_to_lab(tmp_path / "cat.png"), expected)
    assert torch.equal(photo_to_lab(photo.convert("RGBA")), expected)
    assert (photo_to_lab(photo.convert("YCbCr")) - expected).abs().mean() < 1
    assert photo_to_lab(photo.convert("L"))[1:].abs().max() < 0.1


def test_photos_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_photo(tmp_path / "turned.jpg").size == (20, 40)


def test_an_animation_is_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    for name in ("moving.gif", "moving.webp"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], lossless=True)
        assert read_photo(tmp_path / name).getpixel((4, 4))[0] > 200


def test_a_transparent_palette_lies_over_white(tmp_path: Path) -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.paste(0, (0, 0, 4, 8))
    image.save(tmp_path / "clear.png", transparency=0)
    back = read_photo(tmp_path / "clear.png")
    assert back.getpixel((0, 0)) == (255, 255, 255)
    assert back.getpixel((7, 0)) == (200, 0, 0)


def profile_with_red_and_blue_exchanged() -> bytes:
    """An RGB profile that is far from sRGB: its red and blue primaries are exchanged."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {}
    for n in range(int.from_bytes(content[128:132])):
        entry = content[132 + 12 * n : 144 + 12 * n]
        tags[bytes(entry[:4])] = 132 + 12 * n
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    content[red : red + 4], content[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(content).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


def test_an_embedded_profile_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (8, 8), (250, 40, 10))
    image.save(tmp_path / "swapped.png", icc_profile=profile_with_red_and_blue_exchanged())
    red, green, blue = read_photo(tmp_path / "swapped.png").getpixel((4, 4))
    assert abs(blue - 250) < 6
    assert abs(green - 40) < 6
    assert abs(red - 10) < 6
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, profile in (("plain.png", srgb), ("torn.png", b"no profile")):
        image.save(tmp_path / name, icc_profile=profile)
        assert read_photo(tmp_path / name).getpixel((4, 4)) == (250, 40, 10)


def test_a_truncated_picture_is_refused_and_says_why(tmp_path: Path) -> None:
    whole = io.BytesIO()
    sample_photo("cat").save(whole, "JPEG", progressive=True)
    (tmp_path / "torn.jpg").write_bytes(whole.getvalue()[:5000])
    with pytest.raises(ValueError, match=r"torn\.jpg: expected a picture.*truncated"):
        read_photo(tmp_path / "torn.jpg")


SIDEWAYS = Image.Exif()
SIDEWAYS[0x0112] = 6
JPEGS = {
    "plain": ("RGB", {}),
    "fine": ("RGB", {"quality": 95, "subsampling": "4:4:4"}),
    "coarse": ("RGB", {"quality": 10, "subsampling": "4:2:0"}),
    "progressive": ("RGB", {"progressive": True}),
    "not YCbCr": ("RGB", {"keep_rgb": True}),
    "restart marks": ("RGB", {"restart_marker_rows": 1}),
    "on its side": ("RGB", {"exif": SIDEWAYS}),
    "profile": ("RGB", {"icc_profile": profile_with_red_and_blue_exchanged()}),
    "gray": ("L", {}),
    "print": ("CMYK", {}),
}


@pytest.mark.parametrize("kind", JPEGS)
def test_the_short_way_to_a_jpegs_pixels_leads_to_the_same(kind: str, tmp_path: Path) -> None:
    mode, options = JPEGS[kind]
    file, content = tmp_path / "photo.jpg", io.BytesIO()
    sample_photo("cat").convert(mode).resize((99, 71)).save(content, "JPEG", **options)
    file.write_bytes(content.getvalue())
    assert torch.equal(read_pixels(file, read_ordinary(file)), pil_to_tensor(read_photo(file)))
    for length in range(0, len(content.getvalue()) - 2, 97):  # torn, and each refused alike
        file.write_bytes(content.getvalue()[:length])
        reasons = []
        for read in (read_photo, lambda file: read_pixels(file, read_ordinary(file))):
            with pytest.raises(ValueError, match=r"photo\.jpg: expected a picture") as raised:
                read(file)
            reasons.append(str(raised.value))
        assert reasons[0] == reasons[1]


@pytest.mark.parametrize("size", [(256, 256), (64, 64), (128, 96), (8, 40)])
def test_resizing_is_pillows_bicubic_within_two_counts(size: tuple[int, int]) -> None:
    for name in ("cat", "rocket", "astronaut"):
        image = sample_photo(name)
        ours = resize(pil_to_tensor(image), size).permute(1, 2, 0).numpy().astype(int)
        theirs = np.asarray(image.resize(size, Image.Resampling.BICUBIC), int)
        assert np.abs(ours - theirs).max() <= 2


def test_cropping_takes_the_middle() -> None:
    columns = np.arange(90, dtype=np.uint8)[None, :, None].repeat(30, 0).repeat(3, 2)
    wide = pil_to_tensor(Image.fromarray(columns))
    middle = resize(wide, (30, 30), "crop")
    assert middle[0, 0].tolist() == list(range(30, 60))
    assert resize(wide, (16, 16), "crop")[0].float().mean().item() == pytest.approx(44.5, abs=0.6)
    assert resize(wide.transpose(1, 2), (8, 16), "crop").shape == (3, 16, 8)
    assert resize(wide[:, :1, :1].expand(3, 5000, 1), (16, 16), "crop").shape == (3, 16, 16)


def test_files_are_found_in_one_order(tmp_path: Path) -> None:
    for name in ("b/2.png", "a/1.JPG", "c.txt", "a/b/3.heic", "d.eps"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    files = [file.relative_to(tmp_path).as_posix() for file in all_files(tmp_path)]
    assert files == ["a/1.JPG", "a/b/3.heic", "b/2.png", "c.txt", "d.eps"]
    assert [is_named_picture(Path(file)) for file in files] == [True, True, True, False, False]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_linked_folders_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, disk = tmp_path / "home" / "photos", tmp_path / "disk"
    for file in ("home/private.png", "home/photos/2.png", "disk/x/1.png", "disk/x/y/0.png"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    links = {"a": disk / "x", "b": disk / "x" / "y", "c": disk / "x", "dead": disk / "nothing"}
    links |= {"home": photos.parent, "loop": photos}
    for name, target in links.items():
        (photos / name).symlink_to(target)
    (disk / "x" / "y" / "back").symlink_to(disk)
    (disk / "x" / "to home").symlink_to(photos.parent)
    left = ["a/to home (leads back)", "a/y/back (leads back)", "b (found already)"]
    left += ["c (found already)", "home (leads back)", "loop (leads back)"]
    expected = "6 folders left out: " + ", ".join(f"{photos}/{each}" for each in left[:5]) + ", .."
    with pytest.warns(UserWarning, match=f"^{re.escape(f'{photos}: {expected}')}$"):
        found = [file.relative_to(photos).as_posix() for file in all_files(photos)]
    assert found == ["2.png", "a/1.png", "a/y/0.png", "dead"]

    scan = os.scandir

    def closed(folder: Path) -> Iterator[os.DirEntry]:
        if folder == photos:
            raise PermissionError(errno.EACCES, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.warns(UserWarning, match=r"1 folders left out: .*photos \(Permission denied\)$"):
        assert not all_files(photos)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_splits_may_be_linked_folders(photo_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (photo_folder / "few").mkdir()
    (photo_folder / "photo 1.png").rename(photo_folder / "few" / "photo 1.png")
    (data / "train").symlink_to(photo_folder)
    (data / "val").symlink_to(photo_folder / "few")
    with pytest.warns(UserWarning, match=r"val \(found already\)"):  # it is a part of train
        assert len(load_dataset(data, 16, "all")) == 7
    (photo_folder / "few").rename(tmp_path / "few")
    (data / "val").unlink()
    (data / "val").symlink_to(tmp_path / "few")
    assert load_dataset(data, 16, "val").names == ["val/photo 1.png"]
    assert len(load_dataset(data, 16, "train")) == 5

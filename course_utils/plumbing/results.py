"""Result files, and the mark in their metadata: that the colors are a guess, and which photograph,
network and options they come from. The mark identifies a result, whatever its path."""

import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import torch
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from course_utils.hints import Hint
from course_utils.network import ColorizationNet
from course_utils.plumbing.decode import open_file, open_picture

NOTE = "Colorized by a neural network. The colors are a guess, not a record."
DIGITS = 16  # of a sha256, in hexadecimal
MOST_EXIF = 65_000  # bytes that fit into a JPEG
KINDS = {"png": {"format": "PNG"}, "jpg": {"format": "JPEG", "quality": 95, "subsampling": 0}}
Description = ExifTags.Base.ImageDescription


def describe_options(model: ColorizationNet, size: int, hints: Sequence[Hint]) -> str:
    """The network and the options that a result is made by, for its mark."""
    options = {"network": _network_digest(model), "size": size}
    if model.head == "classification":
        options["temperature"] = f"{model.temperature.temperature:g}"
    if hints:
        options["hints"] = _short(repr([(each.x, each.y, each.ab) for each in hints]).encode())
    return ", ".join(f"{name} {value}" for name, value in options.items())


def make_mark(digest: str, options: str) -> str:
    """What is written into a result.

    Args:
        digest: of the photograph, from `photos.photo_digest`.
        options: from `describe_options`.
    """
    return f"{NOTE} (photograph {digest[:DIGITS]}, {options})"


def read_mark(file: Path) -> str:
    """What was written into a result; empty if a file is none. Only its beginning is read."""
    with suppress(Exception), open_file(file) as content:  # Pillow's errors are of any kind
        image = open_picture(content)
        exif = image.getexif() if "exif" in image.info else {}
        for text in (image.info.get("Description"), exif.get(Description)):
            if NOTE in str(text):
                return NOTE + str(text).partition(NOTE)[2]
    return ""


def check_mark(target: Path, mark: str) -> None:
    """Raise ValueError if a file is not the result with this mark."""
    found = read_mark(target)
    if found == mark:
        return
    if " (photograph " not in found:
        what = "it is another file"
    elif found.partition(", network")[0] == mark.partition(", network")[0]:
        what = "it was made with other weights or options"
    else:
        what = "it is of another photograph"
    raise ValueError(
        f"expected {target} to be its result, {what}; overwrite it (--overwrite), or choose "
        "another folder"
    )


def encode_result(picture: Image.Image, kind: str, mark: str) -> bytes:
    """A file, "png" or "jpg", of a picture that was colorized, with its mark, its dots per inch
    and its EXIF."""
    content = io.BytesIO()
    exif = _true_exif(picture.info.get("exif", b""), mark)
    if kind == "jpg" and len(exif) > MOST_EXIF:
        exif = _true_exif(b"", mark)
    text = PngInfo()  # a viewer of PNG shows its text, and seldom its EXIF
    text.add_text("Description", mark)
    options = KINDS[kind] | {"exif": exif} | ({"pnginfo": text} if kind == "png" else {})
    dpi = picture.info.get("dpi", (0, 0))
    if all(1 <= each < 2**16 for each in dpi):
        options["dpi"] = tuple(map(float, dpi))
    picture.save(content, **options)
    return content.getvalue()


def _true_exif(exif: bytes, mark: str) -> bytes:
    """A photograph's EXIF in sRGB, without its thumbnail, and with the mark behind its description;
    only the mark, if it cannot be read."""
    tags = Image.Exif()
    try:
        tags.load(exif)
        photo = tags.get_ifd(ExifTags.IFD.Exif)
        if photo:
            photo[ExifTags.Base.ColorSpace] = 1
            photo.pop(ExifTags.IFD.Interop, None)  # names a color space, too
        before = tags.get(Description, "").partition(NOTE)[0].strip(" \0")
        tags[Description] = f"{before.rstrip('.')}. {mark}" if before else mark
        for tag, value in tags.items():
            if isinstance(value, str) and not value.isascii():
                tags[tag] = value.encode("latin-1")  # as Pillow read it; it would write "?"
        return tags.tobytes()
    except Exception:  # Pillow's readers raise errors of any kind
        only = Image.Exif()
        only[Description] = mark
        return only.tobytes()


def _network_digest(model: ColorizationNet) -> str:
    """Of its weights in bfloat16: the same for a fast network, which has no others."""
    weights = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            number = tensor.detach().cpu().bfloat16().contiguous()
            weights.update(name.encode() + number.view(torch.int16).numpy().data)
    return weights.hexdigest()[:DIGITS]


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]

"""The widgets of lesson 5: results beside the originals, and a photo of the reader's own."""

import ipywidgets
import skimage.data
import torch
from PIL import Image

from course_utils.colorize import colorize
from course_utils.data import LabDataset
from course_utils.figures import to_gray
from course_utils.metrics import Model, mse_ab
from course_utils.network import ColorizationNet, model_device
from course_utils.photos import read_photo, sample_photo
from course_utils.widgets.explorer import PHOTOS, Explorer, path_text, slider
from course_utils.widgets.pictures import side_by_side, strip, titled, typed_path

UPLOADED = "the one uploaded"
LONGEST = 8  # a strip is shown at most this many times as wide as high


def results_browser(model: Model, dataset: LabDataset, height: int = 192) -> Explorer:
    """Walk through a dataset: gray input, result, original; and turn the color up or down."""
    if isinstance(model, torch.nn.Module):
        model.eval()
    device = model_device(model)

    def render(picture: int, strength: float) -> tuple[Image.Image, str]:
        lightness, truth = dataset[int(picture)]
        with torch.inference_mode():
            answer = model(lightness[None].to(device))[0].float().cpu()
        predicted = answer * strength
        lab = torch.cat((lightness, truth))
        result = torch.cat((lightness, predicted))
        pictures = {"gray input": to_gray(lab), "result": result, "original": lab}
        error = mse_ab(predicted[None], truth[None])
        gray = mse_ab(torch.zeros_like(truth)[None], truth[None])
        chroma, true_chroma = (torch.hypot(*ab).mean().item() for ab in (predicted, truth))
        words = (
            f"{dataset.names[int(picture)]}: MSE(ab) {error:.0f} (leaving it gray: {gray:.0f}). "
            f"Mean chroma of the result {chroma:.1f}, of the original {true_chroma:.1f}."
        )
        return side_by_side(pictures, height), words

    return Explorer(
        render,
        picture=ipywidgets.IntSlider(0, min=0, max=len(dataset) - 1, description="picture"),
        strength=slider("color times", 1, 0, 2, 0.1),
    )


class PhotoPicker(Explorer):
    """Colorize a bundled photo, one at a path, or one from the disk of the reader's browser.

    `result` is the colorized photo at its full size.

    Args:
        model: from `colorize.load_model`.
        height: of the pictures shown, in pixels.
    """

    def __init__(self, model: ColorizationNet, height: int = 256) -> None:
        self.result: Image.Image | None = None

        def render(
            photo: str, path: str, upload: object, view: int
        ) -> tuple[Image.Image | None, str]:
            try:
                name, original = _choose(photo, path, upload)
                self.result = colorize(original, model, view)
            except ValueError as error:
                return None, str(error)
            gray = original.convert("L").convert("RGB")
            shown = {"gray input": gray, "colorized": self.result, "as it came": original}
            width = round(height * original.width / original.height)
            size = (min(max(width, 1), LONGEST * height), height)
            pictures = [titled(each.resize(size), title) for title, each in shown.items()]
            return strip(pictures), (
                f"{name}: {original.width} x {original.height} pixels, of which the network saw a "
                f"copy {view} pixels on its shorter side."
            )

        options = ("cameraman", *PHOTOS, UPLOADED)
        photo = ipywidgets.Dropdown(options=options, description="photo")
        path = path_text()
        upload = ipywidgets.FileUpload(accept="image/*", description="or upload one")

        def forget_path(change: object) -> None:  # the last choice counts
            path.value = ""

        def choose_upload(change: object) -> None:
            photo.value, path.value = UPLOADED, ""

        photo.observe(forget_path, names="value")
        upload.observe(choose_upload, names="value")
        views = {size for size in (32, 64, 128, 256) if size >= model.size // 2} | {model.size}
        view = ipywidgets.Dropdown(
            options=sorted(views), value=model.size, description="it sees, px"
        )
        super().__init__(render, photo=photo, path=path, upload=upload, view=view)


def _choose(photo: str, path: str, upload: object) -> tuple[str, Image.Image]:
    """Name and picture of what was chosen; raises ValueError if that is no picture."""
    if path:
        return typed_path(path).name, read_photo(typed_path(path))
    if photo == UPLOADED:
        name, content = _uploaded(upload)
        return name, read_photo(content)
    if photo in PHOTOS:
        return photo, sample_photo(photo)
    return photo, read_photo(Image.fromarray(skimage.data.camera()))


def _uploaded(upload: object) -> tuple[str, bytes]:
    """Name and content of the last file, as ipywidgets 7 (a dict) or 8 (a tuple) gives it."""
    if not upload:
        raise ValueError("photo: nothing is uploaded yet; press the button beside it")
    if isinstance(upload, dict):
        name, file = list(upload.items())[-1]
    else:
        name, file = upload[-1]["name"], upload[-1]
    return name, bytes(file["content"])

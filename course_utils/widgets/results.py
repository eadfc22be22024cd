"""The widget of lesson 5, results beside the originals."""

import ipywidgets
import torch
from PIL import Image

from course_utils.data import LabDataset
from course_utils.figures import gray_of
from course_utils.metrics import Model, device_of, mse_ab
from course_utils.widgets.explorer import Explorer, slider
from course_utils.widgets.pictures import side_by_side


def results_browser(model: Model, dataset: LabDataset, height: int = 192) -> Explorer:
    """Walk through a dataset: gray input, result, original; and turn the color up or down."""
    if isinstance(model, torch.nn.Module):
        model.eval()
    device = device_of(model)

    def render(picture: int, strength: float) -> tuple[Image.Image, str]:
        lightness, truth = dataset[int(picture)]
        with torch.inference_mode():
            answer = model(lightness[None].to(device))[0].float().cpu()
        predicted = answer * strength
        lab = torch.cat((lightness, truth))
        result = torch.cat((lightness, predicted))
        pictures = {"gray input": gray_of(lab), "result": result, "original": lab}
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
        picture=ipywidgets.IntSlider(
            0, min=0, max=len(dataset) - 1, description="picture", continuous_update=False
        ),
        strength=slider("color times", 1, 0, 2, 0.1),
    )

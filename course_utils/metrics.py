"""How far a colorization is from the truth, always beside models that look at nothing.

A model here is anything that maps L (B, 1, H, W) to ab (B, 2, H, W), so a baseline and a
network are measured by the same code. AuC follows Zhang, Isola and Efros (ECCV 2016).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.bins import AB_BINS, nearest_bin
from course_utils.color import lab_to_rgb
from course_utils.data import LabDataset, batches

Model = Callable[[Tensor], Tensor]
AUC_LIMIT = 150.0  # ab errors beyond this count as this


def ab_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """Euclidean distance in the ab plane: two (B, 2, H, W) -> (B, H, W), CIE units."""
    return torch.hypot(*(predicted - truth).unbind(dim=1))


def mse_ab(predicted: Tensor, truth: Tensor) -> float:
    """Mean of the squared errors of a and of b, CIE units squared; any two equal shapes."""
    return (predicted - truth).square().mean().item()


def auc(error: Tensor) -> float:
    """Area under the curve "share of pixels with an error of at most t" for t in 0..150.

    In [0, 1], 1 is perfect. The integral has a closed form: 1 - E[min(error, 150)] / 150.
    """
    return 1 - error.clamp(max=AUC_LIMIT).double().mean().item() / AUC_LIMIT


def psnr(predicted: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of RGB in [0, 1], dB: two (B, 3, H, W) -> (B,)."""
    mse = (predicted - truth).square().mean(dim=(1, 2, 3))
    return -10 * mse.clamp(min=1e-10).log10()


def colorfulness(rgb: Tensor) -> Tensor:
    """Hasler and Suesstrunk's measure (2003), RGB in [0, 1] (B, 3, H, W) -> (B,).

    About 15 is slightly, 45 averagely and 82 highly colorful.
    """
    red, green, blue = (rgb * 255).unbind(1)
    rg, yb = (red - green).flatten(1), ((red + green) / 2 - blue).flatten(1)
    spread = (rg.var(1, correction=0) + yb.var(1, correction=0)).sqrt()
    return spread + 0.3 * (rg.mean(1) ** 2 + yb.mean(1) ** 2).sqrt()


@torch.inference_mode()
def evaluate(model: Model, dataset: LabDataset, batch_size: int = 64) -> dict[str, float]:
    """Measure a model on every picture of a dataset, at the dataset's size.

    Returns:
        `mse_ab`: mean of the squared errors of a and of b over all pixels, CIE units squared;
        `rmse_ab`: its root; `auc`: see `auc`; `auc_rebalanced`: the mean of the AuC of each ab
        bin that occurs among the true colors, so that a rare color counts as much as gray does
        (each pixel weighs the inverse of its bin's probability in this dataset); `psnr`: dB in
        RGB with the true L, mean over pictures; `colorfulness` of the results and
        `colorfulness_of_originals`, means over pictures; `pictures`; `size`.
    Raises:
        ValueError: an empty dataset.
    """
    if len(dataset) == 0:
        raise ValueError("dataset: expected at least one picture, got none")
    if isinstance(model, torch.nn.Module):
        model.eval()
    device = device_of(model)
    squared = ratio = vivid = true_vivid = 0.0
    pixels, clipped = torch.zeros(2, len(AB_BINS), dtype=torch.float64)  # of each bin
    for lightness, truth in batches(dataset, batch_size, device=device):
        predicted = model(lightness).float()
        share = len(truth) / len(dataset)
        squared += share * mse_ab(predicted, truth)
        error = ab_error(predicted, truth).clamp(max=AUC_LIMIT).flatten().double()
        number = nearest_bin(truth).flatten()
        pixels += number.bincount(minlength=len(AB_BINS)).cpu()
        clipped += number.bincount(error, minlength=len(AB_BINS)).cpu()
        result = lab_to_rgb(torch.cat((lightness, predicted), dim=1))
        original = lab_to_rgb(torch.cat((lightness, truth), dim=1))
        ratio += share * psnr(result, original).mean().item()
        vivid += share * colorfulness(result).mean().item()
        true_vivid += share * colorfulness(original).mean().item()
    occurs = pixels > 0
    return {
        "mse_ab": squared,
        "rmse_ab": squared**0.5,
        "auc": 1 - (clipped.sum() / pixels.sum()).item() / AUC_LIMIT,
        "auc_rebalanced": 1 - (clipped[occurs] / pixels[occurs]).mean().item() / AUC_LIMIT,
        "psnr": ratio,
        "colorfulness": vivid,
        "colorfulness_of_originals": true_vivid,
        "pictures": len(dataset),
        "size": dataset.size,
    }


def baselines(train: LabDataset) -> dict[str, Model]:
    """What a network must beat, each knowing only the training pictures.

    "gray"; the "dataset mean" color; the "mean given L", the best that looks at one pixel at
    a time; the colors of a "random photo".
    """
    mean_of_level, mean = _mean_given_level(train)  # (101, 2), (2,)

    def gray(lightness: Tensor) -> Tensor:
        return torch.zeros_like(lightness).repeat(1, 2, 1, 1)

    def dataset_mean(lightness: Tensor) -> Tensor:
        return gray(lightness) + mean.to(lightness).reshape(1, 2, 1, 1)

    def mean_given_lightness(lightness: Tensor) -> Tensor:
        return mean_of_level.to(lightness)[_level(lightness[:, 0])].movedim(-1, 1)

    def random_photo(lightness: Tensor) -> Tensor:
        if lightness.shape[-2:] != train.lab.shape[-2:]:
            raise ValueError(f"L: expected pictures of {train.size} x {train.size} pixels")
        # Drawn by the picture itself, so that it gets the same photo however it is batched.
        picks = (lightness.double().sum(dim=(1, 2, 3)) * 7919).long().cpu() % len(train)
        return train.lab[picks, 1:].to(lightness)

    return {
        "gray": gray,
        "dataset mean": dataset_mean,
        "mean given L": mean_given_lightness,
        "random photo": random_photo,
    }


def format_table(rows: dict[str, dict[str, float]]) -> str:
    """Metrics of several models as text, one line a model."""
    first = next(iter(rows.values()))
    head = (
        f"{first['pictures']} pictures at {first['size']}x{first['size']}; L is the original's; "
        "errors over all pixels,\n"
        "rebalanced AuC over the bins of the true colors, PSNR and colorfulness over pictures; "
        f"colorfulness of the originals {first['colorfulness_of_originals']:.1f}"
    )
    wide = max(map(len, rows))
    lines = [
        head,
        f"{'':{wide}} {'MSE(ab)':>8} {'RMSE':>6} {'AuC %':>6} {'rebal %':>8} {'PSNR dB':>8} "
        f"{'colorful':>9}",
    ]
    for name, row in rows.items():
        lines.append(
            f"{name:{wide}} {row['mse_ab']:8.1f} {row['rmse_ab']:6.2f} {100 * row['auc']:6.2f} "
            f"{100 * row['auc_rebalanced']:8.2f} {row['psnr']:8.2f} {row['colorfulness']:9.1f}"
        )
    return "\n".join(lines)


def _level(lightness: Tensor) -> Tensor:
    return lightness.round().clamp(0, 100).int()


def _mean_given_level(train: LabDataset) -> tuple[Tensor, Tensor]:
    """Mean ab for each whole value of L (101, 2), and of all pixels (2,).

    A level never seen gets the mean of all.
    """
    total, count = torch.zeros(101, 2, dtype=torch.float64), torch.zeros(101, dtype=torch.float64)
    for lightness, ab in batches(train, 256):
        level = _level(lightness).flatten()
        count += torch.bincount(level, minlength=101)
        for channel in (0, 1):
            values = ab[:, channel].flatten().double()
            total[:, channel] += torch.bincount(level, values, minlength=101)
    overall = total.sum(0) / count.sum()
    mean = total / count.clamp(min=1)[:, None]
    mean[count == 0] = overall
    return mean.float(), overall.float()


def device_of(model: Model) -> torch.device:
    """Where a model wants its input: where its parameters are, else the CPU."""
    parameters = model.parameters() if isinstance(model, torch.nn.Module) else iter(())
    return next((p.device for p in parameters), torch.device("cpu"))

"""Errors of a colorization, and baselines to compare them with. Lesson 5.

A model here is anything that maps L (B, 1, H, W) to ab (B, 2, H, W), so that baselines and
networks are measured by the same code. AuC follows Zhang, Isola and Efros (ECCV 2016).
"""

from collections.abc import Callable
from pathlib import PurePosixPath

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.bins import AB_BINS, nearest_bin
from course_utils.color import delta_e, lab_to_rgb
from course_utils.data import LabDataset, batches
from course_utils.network import model_device
from course_utils.plumbing.arguments import described
from course_utils.plumbing.datasets import Source, to_dataset

Model = Callable[[Tensor], Tensor]
AUC_LIMIT = 150.0  # larger ab errors are clamped to this
PIXELS_AT_ONCE = 2**18
REDRAWN, INTERVAL = 400, (0.025, 0.975)  # bootstrap resamples, reported quantiles
FEWEST = 8  # pictures that an interval needs; of fewer, some resamples would be empty


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


def ssim(predicted: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity of RGB in [0, 1], scikit-image's: two (B, 3, H, W) -> (B,).

    Its window is 7 pixels wide, and smaller where the picture is.
    """
    from skimage.metrics import structural_similarity

    window = min(7, *(side - 1 + side % 2 for side in truth.shape[-2:]))
    pairs = zip(predicted.cpu().numpy(), truth.cpu().numpy(), strict=True)
    return torch.tensor(
        [
            structural_similarity(one, other, data_range=1, channel_axis=0, win_size=window)
            for one, other in pairs
        ]
    )


def colorfulness(rgb: Tensor) -> Tensor:
    """Hasler and Suesstrunk's measure (2003), RGB in [0, 1] (B, 3, H, W) -> (B,).

    About 15 is slightly, 45 averagely and 82 highly colorful.
    """
    red, green, blue = (rgb * 255).unbind(1)
    rg, yb = (red - green).flatten(1), ((red + green) / 2 - blue).flatten(1)
    spread = (rg.var(1, correction=0) + yb.var(1, correction=0)).sqrt()
    return spread + 0.3 * (rg.mean(1) ** 2 + yb.mean(1) ** 2).sqrt()


@torch.inference_mode()
def evaluate(model: Model, dataset: Source, batch_size: int | None = None) -> dict:
    """Measure a model on every picture of a dataset, at the dataset's size and with the true L.

    Memory does not grow with the number of pictures.

    Args:
        model: L (B, 1, H, W) -> ab (B, 2, H, W).
        dataset: pictures, see `plumbing.datasets`; for the name of a source or a folder, its
            validation pictures at the model's size.
        batch_size: pictures per batch, which does not change the result; by default as many as
            make up 2^18 pixels.
    Returns:
        `mse_ab`: mean of the squared errors of a and of b over all pixels, CIE units squared;
        `rmse_ab`: its root; `auc`: see `auc`; `auc_rebalanced`: the mean of the AuC of each ab
        bin that occurs among the true colors, so that a rare color counts as much as gray does
        (each pixel is weighted by the inverse of its bin's probability in this dataset);
        `delta_e`: CIEDE2000 over all pixels. Means over pictures: `psnr`, dB in RGB; `ssim` in
        RGB; `colorfulness` of the results, `colorfulness_of_originals`, and the mean absolute
        `colorfulness_difference`. `pictures`, `size`. `intervals`: for each measure the lower and
        upper bound of its 95 % confidence interval, over the choice of pictures; None for fewer
        than `FEWEST` pictures, which say nothing about others. `classes`, if
        the pictures lie in several folders: `mse_ab`, `auc` and `pictures` of each.
    Raises:
        TypeError: not a model, or not a dataset.
        ValueError: an empty dataset.
    """
    if not callable(model):
        raise TypeError(
            f"model: expected a network, such as from load_model, got {described(model)}"
        )
    dataset = to_dataset("dataset", dataset, getattr(model, "size", 64), "val")
    if len(dataset) == 0:
        raise ValueError("dataset: expected at least one picture, got none")
    if isinstance(model, torch.nn.Module):
        model.eval()
    batch_size = batch_size or max(1, PIXELS_AT_ONCE // dataset.size**2)
    totals, generator = _Totals(), torch.Generator().manual_seed(0)
    classes: dict[str, _Totals] = {}
    kinds = [PurePosixPath(name).parent.name for name in dataset.names]
    done = 0
    for lightness, truth in batches(dataset, batch_size, device=model_device(model)):
        predicted = model(lightness).float()
        measured = _measure(*(part.cpu() for part in (lightness, predicted, truth)))
        # Poisson bootstrap: each resample has a picture 0, 1, 2, ... times.
        times = torch.poisson(torch.ones(len(truth), REDRAWN), generator=generator).double()
        times = torch.cat((torch.ones(len(truth), 1), times), dim=1)  # (B, 1 + REDRAWN)
        totals.add(measured, times)
        here = kinds[done : done + len(truth)]
        done += len(truth)
        for kind in set(here) - {""}:
            mine = torch.tensor([each == kind for each in here])
            part = {name: measured[name][mine] for name in ("mse_ab", "auc")}
            classes.setdefault(kind, _Totals()).add(part, times[mine, :1])
    measures = totals.measures()
    row = {name: values[0].item() for name, values in measures.items()}
    row |= {"pictures": len(dataset), "size": dataset.size}
    # Basic bootstrap: resampled measures deviate from this one as it deviates from the true one.
    # This also corrects for bins of the rebalanced AuC that resamples lack. No measure is negative.
    outer = torch.tensor(INTERVAL).flip(0).double()
    row["intervals"] = {
        name: (2 * values[0] - values[1:].quantile(outer)).clamp(min=0).tolist()
        if len(dataset) >= FEWEST
        else None
        for name, values in measures.items()
    }
    if len(classes) > 1:
        row["classes"] = {
            kind: {
                **{name: values[0].item() for name, values in classes[kind].measures().items()},
                "pictures": kinds.count(kind),
            }
            for kind in sorted(classes)
        }
    return row


@torch.inference_mode()
def each_picture(model: Model, dataset: LabDataset) -> dict[str, Tensor]:
    """Measure each picture: name -> (N,) on the CPU.

    `mse_ab`, and `mse_ab_of_gray` if it were left gray, CIE units squared; mean `chroma` of the
    result and `chroma_of_original`, CIE units.
    """
    columns: dict[str, list[Tensor]] = {}
    for lightness, truth in batches(dataset, 64, device=model_device(model)):
        predicted = model(lightness).float()
        row = {
            "mse_ab": (predicted - truth).square().mean(dim=(1, 2, 3)),
            "mse_ab_of_gray": truth.square().mean(dim=(1, 2, 3)),
            "chroma": torch.hypot(*predicted.unbind(1)).mean(dim=(1, 2)),
            "chroma_of_original": torch.hypot(*truth.unbind(1)).mean(dim=(1, 2)),
        }
        for name, values in row.items():
            columns.setdefault(name, []).append(values.cpu())
    return {name: torch.cat(parts) for name, parts in columns.items()}


@torch.inference_mode()
def mean_mse(model: Model, dataset: LabDataset) -> float:
    """Only the MSE(ab) over a dataset, in CIE units squared; faster than `evaluate`."""
    squared = 0.0
    for lightness, ab in batches(dataset, 64, device=model_device(model)):
        squared += mse_ab(model(lightness).float(), ab) * len(ab) / len(dataset)
    return squared


def _measure(lightness: Tensor, predicted: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """The measures (B,) of each picture, and its sums (B, 313) for measures over the bins."""
    error = ab_error(predicted, truth).clamp(max=AUC_LIMIT).double()  # (B, H, W)
    number = nearest_bin(truth).flatten(1)  # (B, H * W)
    zeros = error.new_zeros(len(truth), len(AB_BINS))
    labs = [torch.cat((lightness, ab), dim=1) for ab in (predicted, truth)]
    result, original = (lab_to_rgb(lab) for lab in labs)
    vivid, true_vivid = colorfulness(result), colorfulness(original)
    return {
        "mse_ab": (predicted - truth).square().mean(dim=(1, 2, 3)),
        "auc": 1 - error.mean(dim=(1, 2)) / AUC_LIMIT,
        "psnr": psnr(result, original),
        "ssim": ssim(result, original),
        "delta_e": delta_e(*labs).mean(dim=(1, 2)),
        "colorfulness": vivid,
        "colorfulness_of_originals": true_vivid,
        "colorfulness_difference": (vivid - true_vivid).abs(),
        "pixels of bin": zeros.scatter_add(1, number, torch.ones_like(error).flatten(1)),
        "error of bin": zeros.scatter_add(1, number, error.flatten(1)),
    }


class _Totals:
    """Running weighted sums of the pictures' measures, for several sets of weights at once."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}

    def add(self, measured: dict[str, Tensor], times: Tensor) -> None:
        """Add a batch: name -> (B,) or (B, 313); `times` (B, sets) is each picture's weight."""
        for name, values in (*measured.items(), ("weight", torch.ones(len(times)))):
            total = times.T.double() @ values.double()  # (sets,) or (sets, 313)
            self.sums[name] = self.sums.get(name, 0) + total

    def measures(self) -> dict[str, Tensor]:
        """Weighted means over the pictures: name -> (sets,)."""
        sums = dict(self.sums)
        pixels, error = sums.pop("pixels of bin", None), sums.pop("error of bin", None)
        weight = sums.pop("weight").clamp(min=1)
        means = {name: total / weight for name, total in sums.items()}
        means["rmse_ab"] = means["mse_ab"].sqrt()
        if pixels is not None:
            occurs = pixels > 0
            share = (error / pixels.clamp(min=1)).sum(dim=1) / occurs.sum(dim=1).clamp(min=1)
            means["auc_rebalanced"] = 1 - share / AUC_LIMIT
        return means


def baselines(train: Source) -> dict[str, Model]:
    """Baselines that a network must beat: name -> model. They use only the training pictures.

    "gray"; "dataset mean", the mean color; "mean given L", the best that sees one pixel at a time;
    "random photo", the colors of a random training picture.

    Args:
        train: the training pictures, see `plumbing.datasets`.
    """
    train = to_dataset("train", train, 64, "train")
    mean_of_level, mean = _mean_given_level(train)  # (101, 2), (2,)

    def gray(lightness: Tensor) -> Tensor:
        return torch.zeros_like(lightness).repeat(1, 2, 1, 1)

    def dataset_mean(lightness: Tensor) -> Tensor:
        return gray(lightness) + mean.to(lightness).reshape(1, 2, 1, 1)

    def mean_given_lightness(lightness: Tensor) -> Tensor:
        return mean_of_level.to(lightness)[_level(lightness[:, 0])].movedim(-1, 1)

    def random_photo(lightness: Tensor) -> Tensor:
        # Chosen by a hash of the picture, so that batching does not change it.
        picks = (lightness.double().sum(dim=(1, 2, 3)) * 7919).long().cpu() % len(train)
        if train.size == lightness.shape[-1]:  # never the picture itself
            own = (train.lab[picks, :1].to(lightness) - lightness).abs().amax(dim=(1, 2, 3)) < 0.1
            picks = (picks + own.cpu()) % len(train)
        return F.adaptive_avg_pool2d(train.lab[picks, 1:].to(lightness), lightness.shape[-2:])

    return {
        "gray": gray,
        "dataset mean": dataset_mean,
        "mean given L": mean_given_lightness,
        "random photo": random_photo,
    }


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

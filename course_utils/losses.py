"""Training losses: L2 for the regression head, cross-entropy for classification.
Lessons 4 and 6."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.bins import class_weights, empirical_prior, nearest_bin, soft_encode
from course_utils.data import LabDataset, batches
from course_utils.network import AB_SCALE, UPSAMPLING, ColorizationNet


class Objective(nn.Module):
    """A network with its loss: L (B, 1, H, W) and the true ab (B, 2, H, W) -> a scalar loss.

    One module, so that both can be compiled or distributed together.

    Args:
        model: the network.
        weights: (313,) weights of the bins, see `colorization_loss`.
        bf16: use bfloat16 mixed precision.
    """

    def __init__(
        self, model: ColorizationNet, weights: Tensor | None = None, bf16: bool = False
    ) -> None:
        super().__init__()
        self.model, self.weights, self.bf16 = model, weights, bf16

    def forward(self, lightness: Tensor, ab: Tensor) -> Tensor:
        with torch.autocast(lightness.device.type, torch.bfloat16, enabled=self.bf16):
            return colorization_loss(self.model, self.model.logits(lightness), ab, self.weights)


def colorization_loss(
    model: ColorizationNet, logits: Tensor, ab: Tensor, weights: Tensor | None = None
) -> Tensor:
    """The loss to minimize, a scalar.

    Regression: the mean squared error of ab / 110. Classification: the cross-entropy with the
    soft-encoded true color, at the quarter resolution of the logits; each pixel is weighted by the
    weight of the bin nearest to its true color.

    Args:
        model: the network that gave the logits.
        logits: (B, 313, H/4, W/4) from `model.logits`.
        ab: (B, 2, H, W) true colors in CIE units.
        weights: (313,) weights of the bins; by default all equal. Regression ignores them.
    """
    if model.head == "regression":
        return F.mse_loss(model.to_ab(logits).float() / AB_SCALE, ab / AB_SCALE)
    small = F.avg_pool2d(ab, UPSAMPLING)  # (B, 2, H/4, W/4)
    loss = F.cross_entropy(logits.float(), soft_encode(small), reduction="none")
    return loss.mean() if weights is None else (weights[nearest_bin(small)] * loss).mean()


def training_prior(train: LabDataset) -> Tensor:
    """The prior (313,) of the bins at the quarter resolution of the classification loss."""
    return empirical_prior(F.avg_pool2d(ab, UPSAMPLING) for _, ab in batches(train, 256))


def rebalancing(train: LabDataset) -> Tensor:
    """Weights (313,) of the bins that make rare colors count more, see `bins.class_weights`."""
    return class_weights(training_prior(train))

"""The dilated CNN: the layer table as data, and the network built from it. Lesson 3.

Zhang, Isola and Efros ("Colorful Image Colorization", ECCV 2016, appendix). Eight blocks of
convolution + ReLU with a BatchNorm at the end of a block and no pooling: strides shrink the
picture to an eighth, dilation then widens the view without shrinking it further, and a
transposed convolution brings it back to a quarter. `LAYERS` is the network that the authors
released, whose names of weights (`model1.0.weight` ..) are kept; `PAPER_LAYERS` is the one in the
paper's table.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.bins import AB_BINS
from course_utils.plumbing.limits import STRIDE, check_architecture, check_temperature

AB_SCALE = 110.0  # the network works with ab / 110, about -1 to 1
PAPER_TEMPERATURE = 0.38
BF16_ON_CPU = ("avx512_bf16", "amx_tile")  # processor features that torch can ask for
UPSAMPLING = 4  # conv8 stands at a quarter; the last layer of the forward path undoes that


@dataclass(frozen=True)
class Layer:
    """One row of the table. A transposed layer doubles the size: its stride counts as 1/2."""

    name: str
    channels: int
    stride: int = 1
    dilation: int = 1
    batch_norm: bool = False
    transposed: bool = False

    @property
    def block(self) -> int:
        return int(self.name[4])

    @property
    def kernel(self) -> int:
        return 4 if self.transposed else 3


LAYERS = (
    Layer("conv1_1", 64),
    Layer("conv1_2", 64, stride=2, batch_norm=True),
    Layer("conv2_1", 128),
    Layer("conv2_2", 128, stride=2, batch_norm=True),
    Layer("conv3_1", 256),
    Layer("conv3_2", 256),
    Layer("conv3_3", 256, stride=2, batch_norm=True),
    Layer("conv4_1", 512),
    Layer("conv4_2", 512),
    Layer("conv4_3", 512, batch_norm=True),
    Layer("conv5_1", 512, dilation=2),
    Layer("conv5_2", 512, dilation=2),
    Layer("conv5_3", 512, dilation=2, batch_norm=True),
    Layer("conv6_1", 512, dilation=2),
    Layer("conv6_2", 512, dilation=2),
    Layer("conv6_3", 512, dilation=2, batch_norm=True),
    Layer("conv7_1", 512),
    Layer("conv7_2", 512),
    Layer("conv7_3", 512, batch_norm=True),
    Layer("conv8_1", 256, stride=2, transposed=True),
    Layer("conv8_2", 256),
    Layer("conv8_3", 256),
)


# The paper's table has narrower conv7 and conv8, and a BatchNorm after conv8_3.
PAPER_LAYERS = tuple(
    replace(
        layer,
        channels=layer.channels // 2 if layer.block >= 7 else layer.channels,
        batch_norm=layer.batch_norm or layer.name == "conv8_3",
    )
    for layer in LAYERS
)


def bf16_is_fast(device: str | torch.device = "cpu") -> bool:
    """Whether the hardware multiplies bfloat16; where it does not, float32 is faster."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Private names of torch's, which may be missing.
    asks = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in BF16_ON_CPU)
    return any(ask() for ask in asks if ask is not None)


class NormalizeL(nn.Module):
    """L in 0..100 -> about -0.5..0.5."""

    def forward(self, lightness: Tensor) -> Tensor:
        return (lightness - 50) / 100


class Temperature(nn.Module):
    """Sharpen (T < 1) a distribution before its softmax: logits / T."""

    def __init__(self, temperature: float = PAPER_TEMPERATURE) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, logits: Tensor) -> Tensor:
        return logits / self.temperature

    def extra_repr(self) -> str:
        return f"temperature={self.temperature}"


class DenormalizeAB(nn.Module):
    """ab / 110 -> CIE units."""

    def forward(self, ab: Tensor) -> Tensor:
        return ab * AB_SCALE


class ColorizationNet(nn.Module):
    """L in, a and b out, with every step between them as a layer of the forward path.

    Args:
        width: factor on the number of channels; 1.0 is the released network.
        head: "regression" reads ab off the 313 channels with a learned 1x1 convolution, to be
            trained with the L2 loss. "classification" takes the channels as logits of the 313
            ab bins: temperature, softmax, and a 1x1 convolution that holds the bin centers
            and so computes the mean.
        layers: the table that it is built from.
    Raises:
        ValueError: an unknown head, or a width that is not positive.
    """

    def __init__(
        self,
        width: float = 1.0,
        head: str = "regression",
        layers: tuple[Layer, ...] = LAYERS,
    ) -> None:
        super().__init__()
        check_architecture(width, head)
        self.width, self.head, self.layers = width, head, layers
        self.size = 256  # of the pictures that it is trained on; `training.fit` says otherwise
        self.normalize = NormalizeL()
        channels = 1
        for block in range(1, 9):
            modules, channels = _block([e for e in layers if e.block == block], channels, width)
            if block == 8:
                modules.append(nn.Conv2d(channels, len(AB_BINS), kernel_size=1))
            self.add_module(f"model{block}", nn.Sequential(*modules))
        if head == "classification":
            self.temperature = Temperature()
            self.softmax = nn.Softmax(dim=1)
        self.model_out = nn.Conv2d(len(AB_BINS), 2, kernel_size=1, bias=False)
        self.denormalize = DenormalizeAB()
        self.upsample = nn.Upsample(scale_factor=UPSAMPLING, mode="bilinear", align_corners=False)
        self.reset_parameters()

    def blocks(self) -> list[nn.Sequential]:
        """model1 to model8: conv1 to conv8."""
        return [getattr(self, f"model{block}") for block in range(1, 9)]

    def reset_parameters(self) -> None:
        """Start so that signals keep their size through 22 ReLU layers (He et al., 2015), and the
        layer that decides about the color with small weights: the first answers of a regression
        are near gray, those of a classification give all bins about the same probability."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                # How many numbers an output pixel is the sum of; of a transposed kernel, only
                # every second tap along each side reaches it.
                taps = module.kernel_size[0] // (module.stride[0] if module.transposed else 1)
                _draw(module.weight, (2 / (module.in_channels * taps**2)) ** 0.5)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if self.head == "regression":
            _draw(self.model_out.weight, 0.01)
        else:
            _draw(self.model8[-1].weight, 0.01)
            with torch.no_grad():
                self.model_out.weight.copy_(AB_BINS.T[:, :, None, None] / AB_SCALE)
            self.model_out.weight.requires_grad_(False)  # bin centers are known, not learned

    def set_temperature(self, temperature: float) -> None:
        """Sharpen (towards 0) or soften (1) the colors of a classification network.

        Raises:
            ValueError: a regression network, or a temperature outside (0, 1].
        """
        if self.head != "classification":
            raise ValueError(
                "temperature: expected a classification network, this one is a regression"
            )
        check_temperature(temperature)
        self.temperature.temperature = temperature

    def use_bfloat16(self) -> None:
        """Hold the convolutions in bfloat16, for a network that is only used: about half the
        time where `bf16_is_fast`, and ab that differ by some tenths. What comes after the 313
        channels stays in float32."""
        for block in self.blocks():
            block.bfloat16()

    def logits(self, lightness: Tensor) -> Tensor:
        """L (B, 1, H, W) -> (B, 313, H/4, W/4): what the classification loss compares.

        H and W must be multiples of 8 here; `forward` takes any size.
        """
        dtype = self.model1[0].weight.dtype
        if dtype == torch.bfloat16 and torch.onnx.is_in_onnx_export():
            raise ValueError("ONNX: expected weights in float32; load the network with fast=False")
        x = self.normalize(lightness).to(dtype)
        for block in self.blocks():
            x = block(x)
        return x

    def to_quarter_ab(self, logits: Tensor) -> Tensor:
        """ab before it is upsampled: what `logits` gives, (B, 313, H/4, W/4), -> (B, 2, H/4, W/4)
        in CIE units."""
        kind = logits.device.type
        mixed = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
        x = logits if mixed else logits.to(self.model_out.weight.dtype)  # mixed casts by itself
        if self.head == "classification":
            x = self.softmax(self.temperature(x))
        return self.denormalize(self.model_out(x))

    def to_ab(self, logits: Tensor) -> Tensor:
        """The test phase: what `logits` gives, (B, 313, H/4, W/4), -> ab (B, 2, H, W)."""
        return self.upsample(self.to_quarter_ab(logits))

    def forward(self, lightness: Tensor) -> Tensor:
        """L (B, 1, H, W) in 0..100 -> ab (B, 2, H, W) in CIE units. H and W are free.

        Raises:
            ValueError: the input is not (B, 1, H, W).
        """
        if lightness.ndim != 4 or lightness.shape[1] != 1:
            raise ValueError(f"L: expected shape (B, 1, H, W), got {tuple(lightness.shape)}")
        height, width = lightness.shape[-2:]
        padding = (0, -width % STRIDE, 0, -height % STRIDE)
        logits = self.logits(F.pad(lightness, padding, mode="replicate"))
        return self.to_ab(logits)[..., :height, :width]


def _block(layers: list[Layer], channels: int, width: float) -> tuple[list[nn.Module], int]:
    """The modules of one block, and how many channels come out of it."""
    modules: list[nn.Module] = []
    for layer in layers:
        wide = max(1, round(layer.channels * width))
        convolution = nn.ConvTranspose2d if layer.transposed else nn.Conv2d
        modules += [
            convolution(
                channels,
                wide,
                layer.kernel,
                stride=layer.stride,
                padding=layer.dilation,
                dilation=layer.dilation,
            ),
            nn.ReLU(),
        ]
        if layer.batch_norm:
            modules.append(nn.BatchNorm2d(wide))
        channels = wide
    return modules, channels


def _draw(weight: Tensor, deviation: float) -> None:
    """Normal weights. A tensor on the meta device has no memory for numbers, and PyTorch would take
    seconds to draw none."""
    if not weight.is_meta:
        nn.init.normal_(weight, std=deviation)


def model_device(model: object) -> torch.device:
    """Where a model wants its input: where its parameters are, else the CPU."""
    parameters = model.parameters() if isinstance(model, torch.nn.Module) else iter(())
    return next((p.device for p in parameters), torch.device("cpu"))

"""The dilated CNN: the layer table as data, and the network built from it. Lesson 3.

Zhang, Isola and Efros ("Colorful Image Colorization", ECCV 2016, appendix). Eight blocks of
convolution + ReLU with a BatchNorm at the end of a block and no pooling: strides shrink the
picture to an eighth, dilation then widens the view without shrinking it further, and a
transposed convolution brings it back to a quarter. `LAYERS` is the network that the authors
released, with the names of its weights (`model1.0.weight`, ...); `PAPER_LAYERS` is the one in the
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
UPSAMPLING = 4  # conv8's output is at a quarter size; the last layer enlarges it


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
    """Whether the hardware multiplies bfloat16 natively; otherwise float32 is faster."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Private functions of torch, which may be missing.
    asks = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in BF16_ON_CPU)
    return any(ask() for ask in asks if ask is not None)


class NormalizeL(nn.Module):
    """L in 0..100 -> about -0.5..0.5."""

    def forward(self, lightness: Tensor) -> Tensor:
        return (lightness - 50) / 100


class Temperature(nn.Module):
    """Divide logits by T; T < 1 sharpens the softmax that follows."""

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
    """A network from L to ab in CIE units, with every step, even scaling, as a layer.

    Args:
        width: multiplier on the number of channels; 1.0 is the released network.
        head: "regression" maps the 313 channels to ab with a learned 1x1 convolution, for the L2
            loss. "classification" takes them as logits of the 313 ab bins: temperature, softmax,
            and a fixed 1x1 convolution whose weights are the bin centers, which gives the mean.
        layers: the layer table to build it from.
        inputs: 1 for L alone, or 4 to also take hints, as in Zhang et al., "Real-Time User-Guided
            Image Colorization with Learned Deep Priors", SIGGRAPH 2017.
    Raises:
        ValueError: an unknown head, a width that is not positive, or inputs other than 1 and 4.
    """

    def __init__(
        self,
        width: float = 1.0,
        head: str = "regression",
        layers: tuple[Layer, ...] = LAYERS,
        inputs: int = 1,
    ) -> None:
        super().__init__()
        check_architecture(width, head, inputs)
        self.width, self.head, self.layers, self.inputs = width, head, layers, inputs
        self.size = 256  # of the training pictures; `training.fit` sets it
        self.normalize = NormalizeL()
        channels = inputs
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
        """The modules model1 to model8, which hold conv1 to conv8."""
        return [getattr(self, f"model{block}") for block in range(1, 9)]

    def reset_parameters(self) -> None:
        """Initialize the weights at random.

        He initialization (2015) keeps the scale of activations through 22 ReLU layers. The layer
        that predicts the color starts with small weights: regression starts near gray,
        classification with nearly uniform probabilities.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                # Fan-in: how many products an output pixel sums. In a transposed convolution only
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
        """Set the temperature of a classification network: near 0 is vivid, 1 is the plain mean.

        Raises:
            ValueError: a regression network, or a temperature outside (0, 1].
        """
        if self.head != "classification":
            raise ValueError(
                "temperature: expected a classification network, such as photographs-vivid; this "
                "one is a regression"
            )
        check_temperature(temperature)
        self.temperature.temperature = temperature

    def use_bfloat16(self) -> None:
        """Convert the blocks to bfloat16, for inference only.

        Takes about half the time where `bf16_is_fast`; ab changes by a few tenths of a CIE unit.
        The layers after the 313 channels stay in float32.
        """
        for block in self.blocks():
            block.bfloat16()

    def logits(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:
        """The 313 output channels, before the head: L (B, 1, H, W) -> (B, 313, H/4, W/4).

        H and W must be multiples of 8 here; `forward` takes any size. A network with four inputs
        also takes hints (B, 3, H, W): a, b and 1 where they are known, 0 elsewhere.
        """
        dtype = self.model1[0].weight.dtype
        if dtype == torch.bfloat16 and torch.onnx.is_in_onnx_export():
            raise ValueError("ONNX: expected weights in float32; load the network with fast=False")
        x = self.normalize(lightness)
        if self.inputs == 4:
            hints = torch.zeros_like(x).repeat(1, 3, 1, 1) if hints is None else hints
            x = torch.cat((x, hints[:, :2] / AB_SCALE, hints[:, 2:]), dim=1)
        x = x.to(dtype)
        for block in self.blocks():
            x = block(x)
        return x

    def to_quarter_ab(self, logits: Tensor) -> Tensor:
        """Convert `logits` (B, 313, H/4, W/4) to ab (B, 2, H/4, W/4) in CIE units, without
        upsampling."""
        kind = logits.device.type
        mixed = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
        x = logits if mixed else logits.to(self.model_out.weight.dtype)  # autocast converts it
        if self.head == "classification":
            x = self.softmax(self.temperature(x))
        return self.denormalize(self.model_out(x))

    def to_ab(self, logits: Tensor) -> Tensor:
        """Convert `logits` (B, 313, H/4, W/4) to upsampled ab (B, 2, H, W) in CIE units."""
        return self.upsample(self.to_quarter_ab(logits))

    def forward(self, lightness: Tensor) -> Tensor:
        """L (B, 1, H, W) in 0..100 -> ab (B, 2, H, W) in CIE units, for any H and W.

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
    """The modules of one block, and its number of output channels."""
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
    """Draw weights from a normal distribution, except on the meta device: its tensors have no data,
    but PyTorch would take seconds."""
    if not weight.is_meta:
        nn.init.normal_(weight, std=deviation)


def model_device(model: object) -> torch.device:
    """The device of a model's parameters; the CPU if it has none."""
    parameters = model.parameters() if isinstance(model, torch.nn.Module) else iter(())
    return next((p.device for p in parameters), torch.device("cpu"))

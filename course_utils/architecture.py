"""The paper's layer table, computed from a built network. Lesson 3."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_utils.network import ColorizationNet


def architecture_table(net: ColorizationNet | None = None, size: int = 224) -> list[dict]:
    """Compute the paper's table from a built network, by a forward pass that records each layer.

    Args:
        net: by default the released network at width 1.
        size: height and width of the picture, a multiple of 8.
    Returns:
        One dict per layer: `layer` (its name), X (output size), C (channels), S (stride), D
        (dilation), Sa (accumulated stride before it), De = Sa x D (effective dilation), BN
        (whether BatchNorm follows), L (whether a loss is applied there, halfway through the
        network), RF (receptive field after it, in input pixels), `parameters` (including its
        BatchNorm), `flop` (for one picture; a multiply-add counts as 2).
    """
    if net is None:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            net = ColorizationNet()  # shapes without values
    sizes: dict[nn.Module, int] = {}
    modules = [module for block in net.blocks() for module in block]
    places = [n for n, module in enumerate(modules) if _is_layer(module)]
    hooks = [
        modules[n].register_forward_hook(lambda m, _, out: sizes.update({m: out.shape[-1]}))
        for n in places
    ]
    training = net.training
    net.eval()  # do not update the BatchNorm statistics
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(1, 1, size, size, device=modules[0].weight.device))
    net.train(training)
    for hook in hooks:
        hook.remove()
    flop = counter.get_flop_counts()
    paths = {module: path for path, module in net.named_modules()}
    rows, accumulated, field = [], 1.0, 1.0
    for layer, start, end in zip(net.layers, places, [*places[1:], len(modules)], strict=True):
        convolution, after = modules[start], modules[start + 1 : end]
        dilation, stride = convolution.dilation[0], convolution.stride[0]
        taps, step, before = convolution.kernel_size[0], stride, accumulated
        if isinstance(convolution, nn.ConvTranspose2d):
            # Measured on its finer output grid, as in the paper; along each side only every second
            # of the kernel's 4 taps reaches an output pixel.
            taps, step = taps // stride, 1 / stride
            before = accumulated * step
        field += (taps - 1) * dilation * accumulated
        accumulated *= step
        norms = [module for module in after if isinstance(module, nn.BatchNorm2d)]
        rows.append(
            {
                "layer": layer.name,
                "X": sizes[convolution],
                "C": convolution.out_channels,
                "S": step,
                "D": dilation,
                "Sa": int(before),
                "De": int(before * dilation),
                "BN": bool(norms),
                "L": end < len(modules) and any(isinstance(each, nn.Conv2d) for each in after),
                "RF": int(field),
                "parameters": sum(p.numel() for m in (convolution, *norms) for p in m.parameters()),
                "flop": sum(flop[f"{type(net).__name__}.{paths[convolution]}"].values()),
            }
        )
    return rows


def _is_layer(module: nn.Module) -> bool:
    """Whether a module is a row of the table; 1x1 convolutions are heads."""
    return isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.kernel_size != (1, 1)

"""3x3 convolutions with 16 multiplications in place of 36, for networks that are only used.

Of a line of pixels d0 d1 d2 d3, a filter g0 g1 g2 makes two: d0 g0 + d1 g1 + d2 g2, and
d1 g0 + d2 g1 + d3 g2. Those are six multiplications, and four are enough (Winograd, 1980):

    m0 = (d0 - d2) g0                      m1 = (d1 + d2) (g0 + g1 + g2) / 2
    m3 = (d1 - d3) g2                      m2 = (d2 - d1) (g0 - g1 + g2) / 2

    the two pixels are  m0 + m1 + m2  and  m1 - m2 - m3

What is made of the filter is made once. Along both sides of a picture, tiles of 4 x 4 pixels
become 2 x 2 with 4 x 4 multiplications in place of 2 x 2 x 9; summed over the channels, each of
those 16 is a product of matrices, which is what processors do best (Lavin and Gray, "Fast
Algorithms for Convolutional Neural Networks", CVPR 2016). The sums cost time too, so it pays
where there are many channels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEWEST_CHANNELS = 256  # in and out; with fewer the sums take as long as they save
TILES = 768  # convolved at a time: what lies between stays small
OF_FILTER = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0))


def use_winograd(net: nn.Module) -> None:
    """Replace the convolutions of a network for which that pays, see `WinogradConv2d`."""
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Conv2d) and pays(child):
                setattr(module, name, WinogradConv2d(child))


def pays(convolution: nn.Conv2d) -> bool:
    """Whether `WinogradConv2d` gives the same as this convolution, and is faster."""
    step = convolution.dilation[0]
    return (
        convolution.kernel_size == (3, 3)
        and convolution.stride == (1, 1)
        and convolution.dilation == convolution.padding == (step, step)
        and convolution.padding_mode == "zeros"
        and convolution.groups == 1
        and min(convolution.in_channels, convolution.out_channels) >= FEWEST_CHANNELS
    )


class WinogradConv2d(nn.Module):
    """What a 3x3 convolution does that keeps the size, at any dilation: (B, I, H, W) ->
    (B, O, H, W). In float32 to within rounding; there is no gradient.

    Attributes:
        weight: (16, I, O), a matrix for each place of a tile.
        bias: (O,).
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.dilation = convolution.dilation[0]
        kernel = convolution.weight.detach()
        matrix = kernel.new_tensor(OF_FILTER)
        weight = torch.einsum("yi,xj,ocij->yxco", matrix, matrix, kernel).flatten(0, 1)
        self.register_buffer("weight", weight.contiguous())
        bias = kernel.new_zeros(len(kernel)) if convolution.bias is None else convolution.bias
        self.register_buffer("bias", bias.detach().clone())

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        count, _, height, width = x.shape
        step = self.dilation  # apart are the pixels of a tile
        down, across = -(-height // (2 * step)), -(-width // (2 * step))  # tiles
        below, right = 2 * step * down - height, 2 * step * across - width
        x = F.pad(x, (step, step + right, step, step + below)).permute(0, 2, 3, 1)
        x = x.unflatten(2, (-1, step)).unflatten(1, (-1, step))  # (B, Y, step, X, step, I)
        result = x.new_empty(count, down, 2, step, across, 2, step, len(self.bias))
        rows = max(1, TILES // (count * step * across * step))
        for top in range(0, down, rows):
            end = top + rows
            self._convolve(x[:, 2 * top : 2 * end + 2], result[:, top:end])
        result = result.view(count, 2 * step * down, 2 * step * across, -1)
        return result[:, :height, :width].permute(0, 3, 1, 2)

    def _convolve(self, x: Tensor, result: Tensor) -> None:
        """Some rows of tiles, (B, 2 y + 2, step, 2 x + 2, step, I), into their place
        (B, y, 2, step, x, 2, step, O)."""
        (count, down), (across, _, step) = result.shape[:2], result.shape[4:7]
        lines = x.new_empty(4, count, down, *x.shape[2:])
        _differences([x[:, k : k + 2 * down - 1 : 2] for k in range(4)], lines)
        tiles = x.new_empty(4, 4, count, down, step, across, *x.shape[4:])
        for line, out in zip(lines, tiles, strict=True):
            _differences([line[:, :, :, k : k + 2 * across - 1 : 2] for k in range(4)], out)

        products = torch.bmm(tiles.view(16, -1, tiles.shape[-1]), self.weight)
        products = products.view(*tiles.shape[:-1], -1)
        products[1, 1] += self.bias  # this one is a part of every pixel, with a plus

        sums = products.new_empty(2, *products.shape[1:])
        _sums(products, sums)
        for line, out in zip(sums, result.unbind(2), strict=True):
            _sums(line, out.unbind(4))

    def extra_repr(self) -> str:
        _, inside, outside = self.weight.shape
        return f"{inside}, {outside}, dilation={self.dilation}"


def _differences(d: Sequence[Tensor], into: Sequence[Tensor]) -> None:
    """What four pixels in a line are multiplied as."""
    torch.sub(d[0], d[2], out=into[0])
    torch.add(d[1], d[2], out=into[1])
    torch.sub(d[2], d[1], out=into[2])
    torch.sub(d[1], d[3], out=into[3])


def _sums(m: Sequence[Tensor], into: Sequence[Tensor]) -> None:
    """Two pixels of four products."""
    torch.add(m[0], m[1], out=into[0]).add_(m[2])
    torch.sub(m[1], m[2], out=into[1]).sub_(m[3])

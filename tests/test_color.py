import numpy as np
import pytest
import skimage.color
import torch

from course_utils.color import in_gamut, lab_to_rgb, rgb_to_lab, to_uint8


def every_byte_color() -> torch.Tensor:
    """A lattice of 8-bit colors that includes the corners and all grays: (3, n, 1)."""
    levels = torch.tensor([*range(0, 256, 15)], dtype=torch.uint8)
    lattice = torch.cartesian_prod(levels, levels, levels)
    grays = torch.arange(256, dtype=torch.uint8)[:, None].expand(-1, 3)
    return torch.cat((lattice, grays)).T[..., None]


def reference(rgb: torch.Tensor) -> np.ndarray:
    return np.moveaxis(skimage.color.rgb2lab(np.moveaxis(rgb.numpy(), 0, -1)), -1, 0)


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_agrees_with_scikit_image(kind: str) -> None:
    rgb = every_byte_color()
    given = rgb if kind == "uint8" else (rgb.double() / 255).to(getattr(torch, kind))
    lab = rgb_to_lab(given)
    assert lab.dtype == (torch.float64 if kind == "float64" else torch.float32)
    assert np.abs(lab.numpy() - reference(rgb)).max() < (1e-9 if kind == "float64" else 2e-3)


def test_every_color_survives_the_round_trip() -> None:
    rgb = every_byte_color()
    assert torch.equal(to_uint8(lab_to_rgb(rgb_to_lab(rgb))), rgb)


# Bruce Lindbloom's calculator for sRGB and D65, to the digits that the rounding of the
# matrices leaves in common.
@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((255, 255, 255), (100.0, 0.0, 0.0)),
    ],
)
def test_published_colors(rgb: tuple, lab: tuple) -> None:
    got = rgb_to_lab(torch.tensor(rgb, dtype=torch.uint8).reshape(3, 1, 1)).flatten()
    assert got.tolist() == pytest.approx(lab, abs=0.02)


def test_shapes_slabs_and_memory_layouts() -> None:
    rgb = torch.randint(0, 256, (2, 3, 150, 131), dtype=torch.uint8)  # more than one slab
    lab = rgb_to_lab(rgb)
    assert np.abs(lab[1].numpy() - reference(rgb[1])).max() < 2e-3
    assert torch.equal(rgb_to_lab(rgb.transpose(-1, -2)), lab.transpose(-1, -2).contiguous())
    assert torch.equal(rgb_to_lab(rgb[None]), lab[None])
    assert rgb_to_lab(rgb[:0]).shape == (0, 3, 150, 131)
    assert rgb_to_lab(rgb[..., :0]).shape == (2, 3, 150, 0)


def test_gradients_are_right_and_finite_at_black_and_at_the_joins() -> None:
    rgb = torch.tensor([0.0, 0.04045, 0.5, 0.002, 1.0, 0.03], dtype=torch.float64)
    inside = rgb.clamp(1e-3, 1 - 1e-3) + 1e-5
    assert torch.autograd.gradcheck(rgb_to_lab, inside.reshape(3, 2, 1).requires_grad_())
    black = torch.zeros(3, 1, 1, requires_grad=True)
    rgb_to_lab(black).sum().backward()
    assert black.grad.isfinite().all()


def test_colors_out_of_gamut_are_clipped_as_scikit_image_does() -> None:
    lab = torch.tensor([[50.0, 20, 90], [100, -100, 0], [-100, 100, -60]], dtype=torch.float64)
    wild = lab[..., None]
    with pytest.warns(UserWarning, match="negative Z"):
        expected = skimage.color.lab2rgb(np.moveaxis(wild.numpy(), 0, -1))
    assert np.abs(lab_to_rgb(wild).numpy() - np.moveaxis(expected, -1, 0)).max() < 1e-6
    assert not in_gamut(wild).any()
    assert in_gamut(rgb_to_lab(every_byte_color())).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rgb_to_lab(np.zeros((3, 2, 2))), TypeError, "expected a torch tensor"),
        (lambda: rgb_to_lab(torch.zeros(4, 4, 3)), ValueError, "permute"),
        (lambda: rgb_to_lab(torch.zeros(3, 2, 2) + 3), ValueError, "got 3 to 3; divide by 255"),
        (lambda: rgb_to_lab(torch.full((3, 2, 2), torch.nan)), ValueError, "expected 0 to 1"),
        (lambda: rgb_to_lab(torch.zeros(3, 2, 2, dtype=torch.int64)), TypeError, "int64"),
        (lambda: lab_to_rgb(torch.full((3, 2, 2), 150.0)), ValueError, "L: expected 0 to 100"),
    ],
)
def test_errors_say_what_to_do(call: object, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        call()

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.color
import torch

from course_utils.color import (
    LAB_JOIN_T,
    SRGB_JOIN_ENCODED,
    SRGB_JOIN_LINEAR,
    delta_e,
    fit_gamut,
    gamut,
    in_gamut,
    lab_to_rgb,
    lab_to_uint8,
    rgb_to_lab,
    rgb_to_lightness,
)
from course_utils.plumbing.fast_lab import LINEAR_TO_T


def some_byte_colors() -> torch.Tensor:
    """A lattice of 8-bit colors that includes the corners and all grays: (3, n, 1)."""
    levels = torch.tensor([*range(0, 256, 15)], dtype=torch.uint8)
    lattice = torch.cartesian_prod(levels, levels, levels)
    grays = torch.arange(256, dtype=torch.uint8)[:, None].expand(-1, 3)
    return torch.cat((lattice, grays)).T[..., None]


def reference(rgb: torch.Tensor) -> np.ndarray:
    """scikit-image's Lab in float64."""
    return skimage.color.rgb2lab(rgb.numpy(), channel_axis=-3)


def lab_of(*rgb: int) -> torch.Tensor:
    """Lab (3, 1, 1) of one 8-bit color."""
    return rgb_to_lab(torch.tensor(rgb, dtype=torch.uint8).reshape(3, 1, 1))


def test_the_joins_are_where_the_standards_put_them() -> None:
    """Between 0.039 and 0.041 there is no byte, so floats must tell."""
    near = torch.linspace(0.03, 0.05, 401, dtype=torch.float64).expand(3, 1, -1)
    assert np.abs(rgb_to_lab(near).numpy() - reference(near)).max() < 1e-9


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_floats_agree_with_scikit_image(kind: str) -> None:
    rgb = some_byte_colors()
    lab = rgb_to_lab((rgb.double() / 255).to(getattr(torch, kind)))
    assert lab.dtype == getattr(torch, kind)
    assert np.abs(lab.numpy() - reference(rgb)).max() < (1e-9 if kind == "float64" else 2e-3)
    back = lab_to_rgb(lab)
    assert back.dtype == lab.dtype
    assert torch.equal((back * 255).round().byte(), rgb)


def test_all_8_bit_colors_agree_with_scikit_image_and_survive_the_round_trip() -> None:
    green, blue = torch.meshgrid(*2 * [torch.arange(256, dtype=torch.uint8)], indexing="ij")
    for red in range(256):
        rgb = torch.stack((torch.full_like(green, red), green, blue))
        lab = rgb_to_lab(rgb)
        assert lab.dtype == torch.float32
        assert np.abs(lab.numpy() - reference(rgb)).max() < 2e-4, red
        assert torch.equal(lab_to_uint8(lab), rgb), red
        if red % 17 == 0:
            assert torch.equal((lab_to_rgb(lab) * 255).round().byte(), rgb), red


def test_8_bits_are_the_rounded_floats() -> None:
    """Also of colors out of gamut and between two counts."""
    lab = torch.rand(3, 300, 300, generator=torch.Generator().manual_seed(0))
    lab = lab * torch.tensor([100.0, 240, 240]).reshape(3, 1, 1)
    lab[1:] -= 120
    for given in (lab, lab.double(), lab.requires_grad_()):
        assert (lab_to_uint8(given) - 255 * lab_to_rgb(given.detach())).abs().max() <= 0.53


# Bruce Lindbloom's calculator for sRGB and D65, to the digits that the rounding of the
# matrices leaves in common.
@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((0, 255, 255), (91.11, -48.09, -14.13)),
        ((255, 0, 255), (60.32, 98.23, -60.82)),
        ((255, 255, 0), (97.14, -21.55, 94.48)),
        ((255, 255, 255), (100.0, 0.0, 0.0)),
    ],
)
def test_published_colors(rgb: tuple, lab: tuple) -> None:
    assert lab_of(*rgb).flatten().tolist() == pytest.approx(lab, abs=0.02)


def test_shapes_slabs_and_memory_layouts() -> None:
    rgb = torch.randint(0, 256, (2, 3, 250, 231), dtype=torch.uint8)  # more than one slab
    lab = rgb_to_lab(rgb)
    assert np.abs(lab.numpy() - reference(rgb)).max() < 2e-4
    turned = lab.transpose(-1, -2)
    assert torch.equal(rgb_to_lab(rgb.transpose(-1, -2)), turned)
    assert torch.equal(lab_to_uint8(turned), rgb.transpose(-1, -2))
    channels_last = (rgb / 255).to(memory_format=torch.channels_last)
    assert torch.allclose(rgb_to_lab(channels_last), lab, atol=1e-3)
    assert torch.equal(rgb_to_lab(rgb[None, :, None])[0, :, 0], lab)
    for empty in (rgb[:0], rgb[..., :0], rgb[:, None, :, :0]):
        assert rgb_to_lab(empty).shape == empty.shape
        assert rgb_to_lab(empty.float()).shape == empty.shape
        assert lab_to_rgb(empty.float()).shape == lab_to_uint8(empty.float()).shape == empty.shape


def test_12_megapixels_need_little_memory() -> None:
    """In a process of its own, since what counts is its peak: little more than the result."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs Linux's /proc")
    code = """
import re, torch
from course_utils import color
def peak():
    return 1024 * int(re.search("VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
images = [torch.zeros((3, 3000, 4000), dtype=d) for d in (torch.uint8, torch.float32)]
def convert_all(part):
    small, large = (image[part] for image in images)
    for convert, image in ((color.rgb_to_lab, small), (color.rgb_to_lab, large),
                           (color.lab_to_rgb, large), (color.lab_to_uint8, large)):
        convert(image)
convert_all((..., slice(100)))
for image in images:
    image.fill_(0)  # zeros take no memory before they are written
written = peak()
convert_all(...)
after = peak()
print((after - written) / images[1].nbytes)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.5 < float(run.stdout) < 1.5  # the result itself and little more


# The encoded gray whose Y is where the cube root begins.
LAB_JOIN_ENCODED = 1.055 * (LAB_JOIN_T / LINEAR_TO_T[1].sum()) ** (1 / 2.4) - 0.055


def around_the_joins() -> torch.Tensor:
    """Encoded grays (n,) a little under and over each join of the two curves, and others."""
    joins = torch.tensor([SRGB_JOIN_ENCODED, LAB_JOIN_ENCODED, 0.5], dtype=torch.float64)
    return torch.cat((joins - 1e-4, joins + 1e-4, torch.tensor([1e-3, 0.999])))


def test_gradients_are_right() -> None:
    levels = around_the_joins()
    rgb = torch.stack((levels, levels.flip(0), levels.roll(1)))[..., None]
    assert torch.autograd.gradcheck(rgb_to_lab, rgb.clone().requires_grad_())
    lab = rgb_to_lab(rgb) * torch.tensor([1, 0.9, 0.9], dtype=torch.float64).reshape(3, 1, 1)
    assert in_gamut(lab).all()
    assert torch.autograd.gradcheck(lab_to_rgb, lab.requires_grad_())


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_gradients_are_finite_at_black_at_white_and_on_the_joins(kind: str) -> None:
    levels = [0, 1, SRGB_JOIN_ENCODED, 12.92 * SRGB_JOIN_LINEAR, LAB_JOIN_ENCODED]
    gray = torch.tensor(levels, dtype=getattr(torch, kind)).expand(3, 1, -1)
    for convert, given in ((rgb_to_lab, gray), (lab_to_rgb, rgb_to_lab(gray).clamp(min=0))):
        leaf = given.clone().requires_grad_()
        convert(leaf).sum().backward()
        assert leaf.grad.isfinite().all()
        assert (leaf.grad.abs().sum(dim=0) > 0).all()


def test_autocast_does_not_round_colors() -> None:
    rgb = some_byte_colors() / 255
    with torch.autocast("cpu", torch.bfloat16):
        inside = rgb_to_lab(rgb)
    assert torch.equal(inside, rgb_to_lab(rgb))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same() -> None:
    rgb = some_byte_colors()
    lab = rgb_to_lab(rgb)
    there = rgb_to_lab(rgb.cuda())
    assert there.is_cuda
    assert torch.allclose(there.cpu(), lab, atol=2e-3)
    assert torch.equal(lab_to_uint8(there).cpu(), rgb)


def test_colors_out_of_gamut_are_clipped_as_scikit_image_does() -> None:
    lab = torch.tensor([[50.0, 20, 90], [100, -100, 0], [-100, 100, -60]], dtype=torch.float64)
    wild = lab[..., None]
    with pytest.warns(UserWarning, match="negative Z"):
        expected = skimage.color.lab2rgb(np.moveaxis(wild.numpy(), 0, -1))
    assert np.abs(lab_to_rgb(wild).numpy() - np.moveaxis(expected, -1, 0)).max() < 1e-6
    assert not in_gamut(wild).any()
    assert in_gamut(rgb_to_lab(some_byte_colors())).all()


@pytest.mark.parametrize("lightness", [20, 53.0, 87])
def test_gamut_is_where_8_bit_colors_are(lightness: float) -> None:
    lab, shown = gamut(lightness)
    assert lab.shape == (3, 221, 221)
    assert shown.shape == (221, 221)
    assert lab[:, 0, 0].tolist() == [lightness, -110, 110]
    levels = torch.arange(0, 256, 3, dtype=torch.uint8)
    screen = rgb_to_lab(torch.cartesian_prod(levels, levels, levels).T[..., None])[..., 0]
    at_this_l = screen[1:, (screen[0] - lightness).abs() < 0.3].round().int()  # (2, n)
    reached = torch.zeros_like(shown)
    reached[110 - at_this_l[1], at_this_l[0] + 110] = True
    grown = torch.nn.functional.max_pool2d(shown[None].float(), 5, 1, 2)[0].bool()
    assert (reached & ~grown).sum() == 0  # nothing that a screen shows is missing
    assert shown[110, 110]
    # and what is shown comes back as it was
    assert (rgb_to_lab(lab_to_rgb(lab)) - lab).abs().amax(dim=0)[shown].max() < 0.2


def test_gamut_ends_in_points_and_takes_a_step() -> None:
    for lightness in (0, 100):
        lab, shown = gamut(lightness)
        assert shown[110, 110]
        assert lab[1:, shown].abs().max() <= 2
    lab, shown = gamut(60, step=2.5)
    assert lab.shape == (3, 89, 89)
    assert lab[1, 0, -1] == 110
    assert (shown.float().mean() - gamut(60)[1].float().mean()).abs() < 0.01


# Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula", 2005, table 1.
@pytest.mark.parametrize(
    ("first", "second", "cie76", "ciede2000"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 4.0011, 2.0425),
        ((50, 0, 0), (50, -1, 2), 5**0.5, 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 36.8680, 27.1492),
        ((50, 2.5, 0), (50, 3.2592, 0.3350), 0.8298, 1.0),
    ],
)
def test_published_differences(first: tuple, second: tuple, cie76: float, ciede2000: float) -> None:
    pair = [torch.tensor(lab, dtype=torch.float64).reshape(3, 1, 1) for lab in (first, second)]
    assert delta_e(*pair).item() == pytest.approx(ciede2000, abs=1e-4)
    assert delta_e(*pair, formula="CIE76").item() == pytest.approx(cie76, abs=1e-4)


def test_differences_broadcast_and_keep_their_type() -> None:
    red, lab = lab_of(255, 0, 0), rgb_to_lab(some_byte_colors())
    for formula in ("CIE76", "CIEDE2000"):
        difference = delta_e(lab[None], red, formula)
        assert difference.shape == (1, *lab.shape[1:])
        assert difference.dtype == torch.float32
        assert difference.min() < 1e-4 < difference.max()
    same = red.clone().requires_grad_()
    delta_e(same, red, "CIE76").sum().backward()
    assert same.grad.isfinite().all()
    for formula in ("CIE76", "CIEDE2000"):
        assert delta_e(red, red.double(), formula).dtype == torch.float64


def test_lightness_is_neither_luma_nor_gray_times_100() -> None:
    """OpenCV's Python colorization sample and several tutorials feed such a gray as L."""
    for rgb, far in (((0, 255, 0), 29), ((0, 0, 255), 20), ((255, 0, 0), 23)):
        luma = np.dot([0.299, 0.587, 0.114], rgb) / 255 * 100
        assert abs(lab_of(*rgb)[0].item() - luma) > 0.9 * far
    grays = torch.arange(256, dtype=torch.uint8).expand(3, 1, -1)
    lab = rgb_to_lab(grays)
    assert (lab[0, 0] - grays[0, 0] / 2.55).abs().max() > 3  # also where R = G = B
    assert lab[1:].abs().max() < 0.01


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rgb_to_lab(np.zeros((3, 2, 2))), TypeError, "expected a torch tensor"),
        (lambda: rgb_to_lab(torch.zeros(4, 4, 3)), ValueError, "permute"),
        (lambda: rgb_to_lab(torch.zeros(3, 2, 2) + 3), ValueError, "got 3 to 3; divide by 255"),
        (lambda: rgb_to_lab(torch.full((3, 2, 2), torch.nan)), ValueError, "expected 0 to 1"),
        (lambda: rgb_to_lab(torch.zeros(3, 2, 2, dtype=torch.int64)), TypeError, "int64"),
        (lambda: rgb_to_lab(torch.zeros(3, 2, 2).half()), TypeError, "float16; use .float"),
        (lambda: rgb_to_lab(torch.zeros(3)), ValueError, r"expected shape \(..., 3, H, W\)"),
        (lambda: lab_to_rgb(torch.full((3, 2, 2), 150.0)), ValueError, "L: expected 0 to 100"),
        (lambda: lab_to_rgb(torch.zeros(3, 2, 2).byte()), TypeError, "uint8; use .float"),
        (lambda: lab_to_uint8(np.zeros((3, 2, 2))), TypeError, "expected a torch tensor"),
        (lambda: lab_to_uint8(lab_of(0, 0, 0) * torch.nan), ValueError, "L: expected 0 to 100"),
        (
            lambda: lab_to_uint8(torch.tensor([50, 0, torch.inf]).reshape(3, 1, 1)),
            ValueError,
            "a and b: expected",
        ),
        (lambda: rgb_to_lab(torch.full((3, 2, 2), 1.01)), ValueError, "got 1.01 to 1.01"),
        (lambda: delta_e(lab_of(0, 0, 0), torch.zeros(2, 1, 1)), ValueError, "second: expected"),
        (lambda: delta_e(torch.zeros(3, 4, 4), torch.zeros(3, 5, 5)), ValueError, "a shape like"),
        (lambda: gamut(150), ValueError, "lightness: expected 0 to 100"),
        (lambda: gamut(50, 3), ValueError, "step: expected"),
        (lambda: in_gamut(np.zeros((3, 2, 2))), TypeError, "expected a torch tensor"),
        (lambda: delta_e(lab_of(0, 0, 0), lab_of(1, 1, 1), "CIE94"), ValueError, "'CIE94'"),
    ],
)
def test_errors_say_what_to_do(call: object, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("shape", [(3, 5, 7), (2, 3, 200, 300), (0, 3, 4, 4), (3, 0, 4)])
def test_lightness_alone_is_that_of_lab(shape: tuple) -> None:
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8)
    assert torch.allclose(rgb_to_lightness(pixels), rgb_to_lab(pixels)[..., :1, :, :], atol=1e-4)
    floats = pixels.float() / 255
    assert torch.equal(rgb_to_lightness(floats), rgb_to_lab(floats)[..., :1, :, :])


def test_fit_gamut_keeps_lightness_and_hue() -> None:
    generator = torch.Generator().manual_seed(0)
    lab = (
        torch.rand(2, 3, 40, 40, generator=generator) * torch.tensor([100, 200, 200])[:, None, None]
    )
    lab[:, 1:] -= 100
    fitted = fit_gamut(lab)
    inside = in_gamut(lab)
    assert 0 < inside.float().mean() < 1
    assert in_gamut(fitted, tolerance=2e-4).all()
    assert torch.equal(fitted[:, 0], lab[:, 0])
    assert torch.equal(fitted.movedim(1, 0)[:, inside], lab.movedim(1, 0)[:, inside])
    cross = lab[:, 1] * fitted[:, 2] - lab[:, 2] * fitted[:, 1]  # 0 for the same hue
    assert cross.abs().max() < 0.1
    paler = torch.hypot(*fitted[:, 1:].unbind(1)) / torch.hypot(*lab[:, 1:].unbind(1))
    assert paler.max() <= 1 + 1e-6
    a_little_more = fitted.clone()
    a_little_more[:, 1:] += 0.01 * lab[:, 1:]
    assert not in_gamut(a_little_more)[~inside].any()  # as vivid as it can be
    assert torch.equal(fit_gamut(fitted), fitted)
    assert torch.equal(lab_to_uint8(lab, fit=True), lab_to_uint8(fitted))


def beyond(rgb: torch.Tensor) -> torch.Tensor:
    """Bytes of sRGB (..., 3, H, W) to Lab of which some is out of gamut."""
    return rgb_to_lab(rgb) * torch.tensor([1.0, 1.5, 1.5]).reshape(3, 1, 1)


RECORDED = {  # what is done to bytes of sRGB, and how far apart the two ways to do it may be
    "bytes": (rgb_to_lab, 2e-4),
    "floats": (lambda rgb: rgb_to_lab(rgb / 255), 2e-4),
    "lightness": (rgb_to_lightness, 2e-4),
    "and back": (lambda rgb: lab_to_rgb(rgb_to_lab(rgb)), 1e-5),
    "to bytes": (lambda rgb: lab_to_uint8(beyond(rgb)), 1),
    "to bytes, paler": (lambda rgb: lab_to_uint8(beyond(rgb), fit=True), 1),
    "CIE76": (lambda rgb: delta_e(beyond(rgb), rgb_to_lab(rgb), "CIE76"), 1e-3),
}


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("way", ["trace", "export", "strict export"])
def test_what_was_traced_or_exported_works_for_another_picture(name: str, way: str) -> None:
    call, apart = RECORDED[name]

    class Module(torch.nn.Module):
        def forward(self, rgb: torch.Tensor) -> torch.Tensor:
            return call(rgb)

    first, other = torch.randint(0, 256, (2, 1, 3, 20, 30), dtype=torch.uint8)
    if way == "trace":
        recorded = torch.jit.trace(Module(), first, check_trace=False)
    else:
        recorded = torch.export.export(Module(), (first,), strict=way == "strict export").module()
    expected, got = call(other), recorded(other)
    assert got.dtype == expected.dtype
    assert (got.float() - expected.float()).abs().max() <= apart


def test_onnx_runtime_gives_the_same_lab(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnx, onnxscript, onnxruntime")

    class Module(torch.nn.Module):
        def forward(self, rgb: torch.Tensor) -> torch.Tensor:
            return rgb_to_lab(rgb)

    first, other = torch.randint(0, 256, (2, 1, 3, 20, 30), dtype=torch.uint8)
    torch.onnx.export(Module().eval(), (first,), tmp_path / "lab.onnx", dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "lab.onnx")
    (lab,) = session.run(None, {session.get_inputs()[0].name: other.numpy()})
    assert np.abs(lab - rgb_to_lab(other).numpy()).max() < 2e-4


def test_what_is_not_made_of_tensors_is_not_traced() -> None:
    lab = lab_of(10, 20, 30)
    with pytest.raises(ValueError, match="expected CIE76, CIEDE2000 cannot be traced"):
        torch.jit.trace(delta_e, (lab, lab))

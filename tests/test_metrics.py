import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from course_utils import metrics
from course_utils.color import lab_to_rgb
from course_utils.data import LabDataset, Report
from course_utils.metrics import (
    FEWEST,
    auc,
    baselines,
    colorfulness,
    each_picture,
    evaluate,
    mean_mse,
    psnr,
)
from course_utils.tables import metrics_table


def test_auc_is_the_area_under_the_curve() -> None:
    error = torch.rand(10_000, generator=torch.Generator().manual_seed(0)) * 200
    thresholds = torch.linspace(0, 150, 3001)
    curve = torch.stack([(error <= t).double().mean() for t in thresholds])
    area = torch.trapezoid(curve, thresholds.double()).item() / 150
    assert auc(error) == pytest.approx(area, abs=1e-4)
    assert auc(torch.zeros(5)) == 1
    assert auc(torch.full((5,), 999.0)) == 0


def test_psnr_is_scikit_images() -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = torch.rand(2, 4, 3, 9, 9, generator=generator)
    expected = [
        peak_signal_noise_ratio(o.numpy(), p.numpy(), data_range=1)
        for o, p in zip(other, one, strict=True)
    ]
    assert psnr(one, other).tolist() == pytest.approx(expected, abs=1e-4)


def test_colorfulness_by_hand() -> None:
    half = torch.zeros(1, 3, 2, 2)
    half[0, 0, 0] = 1  # upper half red, lower half black: rg 255 and 0, yb 127.5 and 0
    expected = np.hypot(127.5, 63.75) + 0.3 * np.hypot(127.5, 63.75)
    assert colorfulness(half).item() == pytest.approx(expected, rel=1e-5)
    assert colorfulness(torch.full((1, 3, 4, 4), 0.5)).item() == pytest.approx(0, abs=1e-4)


def test_evaluate_counts_every_picture_once(scene_dataset: LabDataset) -> None:
    def gray(L: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(L).repeat(1, 2, 1, 1)

    ab = scene_dataset.lab[:, 1:].float()
    for batch_size in (7, 48):
        row = evaluate(gray, scene_dataset, batch_size)
        assert row["mse_ab"] == pytest.approx(ab.square().mean().item(), rel=1e-4)
        assert row["auc"] == pytest.approx(auc(ab.norm(dim=1)), rel=1e-4)
        assert row["pictures"] == 48
        assert row["size"] == 32
        assert row["colorfulness"] == pytest.approx(0, abs=0.1)


def test_the_truth_is_perfect(scene_dataset: LabDataset) -> None:
    truth = iter(scene_dataset.lab[:, 1:].float().split(48))
    row = evaluate(lambda L: next(truth), scene_dataset, 48)
    assert row["mse_ab"] == 0
    assert row["auc"] == 1
    assert row["psnr"] == pytest.approx(100)
    rgb = lab_to_rgb(scene_dataset.lab.float())
    assert row["colorfulness"] == pytest.approx(colorfulness(rgb).mean().item(), rel=1e-4)
    assert row["colorfulness_of_originals"] == pytest.approx(row["colorfulness"])


def test_mean_given_l_is_the_best_that_sees_one_pixel(scene_dataset: LabDataset) -> None:
    rows = {
        name: evaluate(model, scene_dataset)["mse_ab"]
        for name, model in baselines(scene_dataset).items()
    }
    assert rows["mean given L"] < rows["dataset mean"] < rows["gray"] < rows["random photo"]
    L, ab = (part.float() for part in scene_dataset.lab.split([1, 2], dim=1))
    level = L[:, 0].round()
    best = sum(
        (ab.movedim(1, -1)[level == value] - ab.movedim(1, -1)[level == value].mean(0))
        .square()
        .sum()
        for value in level.unique()
    )
    assert rows["mean given L"] == pytest.approx((best / ab.numel()).item(), rel=1e-3)


def test_a_random_photo_does_not_depend_on_the_batches(scene_dataset: LabDataset) -> None:
    model = baselines(scene_dataset)["random photo"]
    first = evaluate(model, scene_dataset, 48)["mse_ab"]
    assert evaluate(model, scene_dataset, 7)["mse_ab"] == pytest.approx(first, rel=1e-5)
    L, ab = scene_dataset[:]
    assert len(model(L).flatten(1).unique(dim=0)) > 10
    assert (model(L) - ab).flatten(1).abs().amax(dim=1).min() > 1  # none is its own


def test_an_unseen_level_gets_the_mean_of_all() -> None:
    lab = torch.zeros(1, 3, 8, 8)
    lab[:, 0], lab[:, 1] = 50, 12
    train = LabDataset(lab.half(), ["one"], Report(used=1))
    answer = baselines(train)["mean given L"](torch.full((1, 1, 8, 8), 90.0))
    assert torch.allclose(answer[0, :, 0, 0], torch.tensor([12.0, 0.0]))


def test_ssim_and_delta_e_are_scikit_images(scene_dataset: LabDataset) -> None:
    row = evaluate(lambda L: torch.zeros_like(L).repeat(1, 2, 1, 1), scene_dataset)
    lab = scene_dataset.lab.float()
    gray = torch.cat((lab[:, :1], torch.zeros_like(lab[:, 1:])), dim=1)
    pictures = [lab_to_rgb(each).numpy() for each in (lab, gray)]
    expected = [
        structural_similarity(a, b, data_range=1, channel_axis=0)
        for a, b in zip(*pictures, strict=True)
    ]
    assert row["ssim"] == pytest.approx(np.mean(expected), abs=1e-4)
    difference = deltaE_ciede2000(lab.numpy(), gray.numpy(), channel_axis=1)
    assert row["delta_e"] == pytest.approx(difference.mean(), rel=1e-4)
    assert row["colorfulness_difference"] == pytest.approx(
        row["colorfulness_of_originals"], abs=0.1
    )


def test_intervals_are_those_of_redrawn_pictures() -> None:
    errors = torch.rand(300, generator=torch.Generator().manual_seed(1)) * 20
    lab = torch.full((300, 3, 8, 8), 50.0)
    lab[:, 1:] = errors[:, None, None, None]
    dataset = LabDataset(lab.half(), [str(n) for n in range(300)], Report(used=300))
    row = evaluate(lambda L: torch.zeros_like(L).repeat(1, 2, 1, 1), dataset)
    squared = lab[:, 1, 0, 0].half().double() ** 2
    drawn = np.random.default_rng(0).integers(0, 300, (4000, 300))
    low, high = np.quantile(squared.numpy()[drawn].mean(axis=1), (0.025, 0.975))
    assert row["intervals"]["mse_ab"] == pytest.approx([low, high], rel=0.04)
    assert set(row["intervals"]) == {
        name for name, value in row.items() if isinstance(value, float)
    }  # every measure has one


def test_few_pictures_have_no_interval(scene_dataset: LabDataset) -> None:
    gray = baselines(scene_dataset)["gray"]
    for count in (1, FEWEST - 1, FEWEST):
        dataset = LabDataset(scene_dataset.lab[:count], scene_dataset.names[:count])
        row = evaluate(gray, dataset)
        for name, ends in row["intervals"].items():
            assert ends is None if count < FEWEST else 0 <= ends[0] <= ends[1] < 2 * row[name]
        assert ("too few" in str(metrics_table({"gray": row}))) == (count < FEWEST)


def test_folders_are_classes(scene_dataset: LabDataset) -> None:
    names = [f"val/{'sea' if n % 3 else 'forest'}/{n}.jpg" for n in range(48)]
    dataset = LabDataset(scene_dataset.lab, names, scene_dataset.report)
    classes = evaluate(baselines(dataset)["gray"], dataset, 7)["classes"]
    assert {kind: row["pictures"] for kind, row in classes.items()} == {"forest": 16, "sea": 32}
    ab = scene_dataset.lab[::3, 1:].float()
    assert classes["forest"]["mse_ab"] == pytest.approx(ab.square().mean().item(), rel=1e-4)
    assert "classes" not in evaluate(baselines(dataset)["gray"], scene_dataset)


def test_an_empty_dataset_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        evaluate(lambda L: L, LabDataset(torch.empty(0, 3, 8, 8), [], Report()))


def test_table_names_every_model_and_the_conditions(scene_dataset: LabDataset) -> None:
    rows = {name: evaluate(m, scene_dataset) for name, m in baselines(scene_dataset).items()}
    text = str(metrics_table(rows))
    assert "48 pictures at 32x32" in text
    for name, row in rows.items():
        assert name in text
        assert f"{row['mse_ab']:.1f}" in text
    assert metrics.AUC_LIMIT == 150


def test_rebalanced_auc_weighs_every_bin_alike() -> None:
    lab = torch.full((1, 3, 8, 8), 50.0)
    lab[0, 1:] = 0
    lab[0, 1, 0, :4] = 60.0  # 4 of 64 pixels are red
    dataset = LabDataset(lab.half(), ["one"], Report(used=1))
    gray = evaluate(baselines(dataset)["gray"], dataset)
    assert gray["auc"] == pytest.approx(1 - (4 * 60 / 64) / 150)
    assert gray["auc_rebalanced"] == pytest.approx(1 - ((0 + 60) / 2) / 150)


def test_each_picture_is_measured_as_all_are(scene_dataset: LabDataset) -> None:
    def model(lightness: torch.Tensor) -> torch.Tensor:
        return (lightness - 50).repeat(1, 2, 1, 1) / 2

    columns = each_picture(model, scene_dataset)
    assert all(values.shape == (len(scene_dataset),) for values in columns.values())
    assert columns["mse_ab"].mean().item() == pytest.approx(
        mean_mse(model, scene_dataset), rel=1e-5
    )
    lab = scene_dataset.lab[5].float()
    assert columns["mse_ab_of_gray"][5] == pytest.approx(lab[1:].square().mean().item(), rel=1e-5)
    assert columns["chroma_of_original"][5] == pytest.approx(torch.hypot(*lab[1:]).mean().item())
    assert columns["chroma"][5] == pytest.approx(
        ((lab[0] - 50).abs() / 2 * 2**0.5).mean().item(), rel=1e-5
    )

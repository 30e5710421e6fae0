"""The segmentation loss against float64 loops over pixels."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.reference import generator, noise
from wsss.segmentation.losses import labels_at_size, segmentation_loss


def random_labels(tag: str, shape: tuple[int, int, int], classes: int) -> np.ndarray:
    return generator(tag).choice([*range(classes), 255], size=shape).astype(np.uint8)


def tensors(tag: str, sizes: list[tuple[int, int]], count: int, classes: int) -> list[Tensor]:
    shapes = [(count, classes, *size) for size in sizes]
    return [torch.from_numpy(3 * noise(f"{tag}/{n}", shape)) for n, shape in enumerate(shapes)]


def under_the_centre(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    out = np.zeros((len(labels), *size), labels.dtype)
    for y, x in np.ndindex(*size):
        out[:, y, x] = labels[:, int((y + 0.5) * labels.shape[1] / size[0]), int((x + 0.5) * labels.shape[2] / size[1])]
    return out


def naive_mean(logits: np.ndarray, labels: np.ndarray) -> float:
    reduced = under_the_centre(labels, logits.shape[2:])
    losses = []
    for image, y, x in np.ndindex(*reduced.shape):
        label = reduced[image, y, x]
        if label != 255:
            scores = logits[image, :, y, x].astype(np.float64)
            losses.append(-np.log(np.exp(scores[label]) / np.exp(scores).sum()))
    return float(np.mean(losses)) if losses else 0.0


@pytest.mark.parametrize("classes", [1, 2, 5])
@pytest.mark.parametrize(
    ("size", "grids"),
    [
        ((33, 47), [(5, 6), (4, 5), (3, 3), (5, 6)]),
        ((9, 9), [(9, 9), (5, 5), (9, 9)]),
        ((1, 1), [(1, 1), (1, 1), (1, 1)]),
    ],
)
def test_loss_is_the_sum_over_scales_and_fusion(
    size: tuple[int, int], grids: list[tuple[int, int]], classes: int
) -> None:
    *per_scale, fused = tensors("losses", grids, 2, classes)
    labels = random_labels("losses/labels", (2, *size), classes)
    wanted = sum(naive_mean(logits.numpy(), labels) for logits in (*per_scale, fused))
    assert float(segmentation_loss(per_scale, fused, torch.from_numpy(labels))) == pytest.approx(wanted, rel=1e-5)


def test_a_single_scale_counts_once() -> None:
    (logits,) = tensors("losses/one", [(5, 6)], 2, 4)
    labels = random_labels("losses/labels", (2, 33, 47), 4)
    ours = segmentation_loss([logits], logits, torch.from_numpy(labels))
    assert float(ours) == pytest.approx(naive_mean(logits.numpy(), labels), rel=1e-5)


def test_the_mean_is_over_the_pixels_of_the_batch() -> None:
    """Not over images: one labelled pixel of the second image weighs as one of the first."""
    (logits,) = tensors("losses/batch", [(4, 4)], 2, 3)
    labels = np.full((2, 4, 4), 255, np.uint8)
    labels[0], labels[1, 2, 1] = 1, 2
    ours = segmentation_loss([logits], logits, torch.from_numpy(labels))
    assert float(ours) == pytest.approx(naive_mean(logits.numpy(), labels), rel=1e-5)


def test_gradient_is_softmax_minus_label_over_the_count() -> None:
    (logits,) = tensors("losses/gradient", [(4, 3)], 2, 5)
    labels = random_labels("losses/gradient", (2, 4, 3), 5)
    logits.requires_grad_()
    (gradient,) = torch.autograd.grad(segmentation_loss([logits], logits, torch.from_numpy(labels)), logits)
    wanted, count = np.zeros((2, 5, 4, 3)), (labels != 255).sum()
    assert 0 < count < labels.size
    for image, y, x in np.ndindex(*labels.shape):
        if labels[image, y, x] != 255:
            scores = np.exp(logits.detach().numpy()[image, :, y, x].astype(np.float64))
            wanted[image, :, y, x] = scores / scores.sum() / count
            wanted[image, labels[image, y, x], y, x] -= 1 / count
    np.testing.assert_allclose(gradient.numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("grids", [[(5, 6), (4, 5), (5, 6)], [(1, 1), (1, 1)]])
def test_ignored_labels_give_no_loss_and_no_gradient(grids: list[tuple[int, int]]) -> None:
    *per_scale, fused = (logits.requires_grad_() for logits in tensors("losses/ignored", grids, 2, 4))
    loss = segmentation_loss(per_scale, fused, torch.full((2, 33, 47), 255, dtype=torch.uint8))
    used = [*per_scale, fused] if len(per_scale) > 1 else per_scale
    assert float(loss.detach()) == 0
    for gradient in torch.autograd.grad(loss, used):
        assert (gradient == 0).all()


def test_a_scale_may_lose_every_label() -> None:
    """A lone labelled pixel that no cell of the small grid has under its centre."""
    per_scale = tensors("losses/lone", [(9, 9), (3, 3)], 1, 2)
    labels = np.full((1, 9, 9), 255, np.uint8)
    labels[0, 0, 0] = 1
    fused = per_scale[0] + 1
    wanted = 2 * naive_mean(per_scale[0].numpy(), labels)
    assert naive_mean(per_scale[1].numpy(), labels) == 0
    assert float(segmentation_loss(per_scale, fused, torch.from_numpy(labels))) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("size", [(321, 321), (33, 47), (7, 1), (1, 1)])
@pytest.mark.parametrize("grid", [(41, 41), (31, 31), (21, 21), (5, 3), (1, 1)])
def test_labels_are_reduced_as_by_pillow(size: tuple[int, int], grid: tuple[int, int]) -> None:
    labels = generator(f"reduce/{size}").randint(0, 256, (2, *size)).astype(np.uint8)
    ours = labels_at_size(torch.from_numpy(labels), grid)
    assert ours.dtype == torch.uint8
    np.testing.assert_array_equal(ours, under_the_centre(labels, grid))
    pillow = [Image.fromarray(image).resize(grid[::-1], Image.Resampling.NEAREST) for image in labels]
    np.testing.assert_array_equal(ours, np.stack([np.asarray(image) for image in pillow]))

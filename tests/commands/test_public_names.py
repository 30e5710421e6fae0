"""What `import wsss` offers, as a script uses it: what it gives, and that wrong arguments end in one line."""

import ast
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import wsss
from tests.commands.conftest import Made
from tests.conftest import PROJECT

CRF = wsss.CrfSettings(gaussian_sxy=1, bilateral_sxy=5, bilateral_srgb=10, bilateral_weight=4)
IMAGE = np.random.default_rng(0).integers(0, 256, (9, 12, 3)).astype(np.uint8)
HALVES = np.full((2, 9, 12), 0.5, np.float32)
LABELS = np.zeros((9, 12), np.int64)
FEATURES = torch.rand(2, 5, 8, 8)
WHOLE, GRID = wsss.maxima_of_whole_cells, wsss.maxima_of_grid


def test_type_checkers_see_what_is_offered() -> None:
    tree = ast.parse((PROJECT / "wsss" / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        one.asname: str(node.module) for node in block.body if isinstance(node, ast.ImportFrom) for one in node.names
    }
    assert seen == {name: f"wsss.{module}" for name, module in wsss.MODULES.items()}
    assert set(wsss.__all__) <= set(dir(wsss))


def test_a_segmented_photograph_shows_itself(usual: Made) -> None:
    segmented = wsss.load_segmenter(usual.model).predict(usual.photographs / "plain.jpg", crf=False)
    assert repr(segmented).startswith(f"Segmented('{usual.photographs / 'plain.jpg'}', 44 x 60 pixels")
    shown = Image.open(io.BytesIO(segmented._repr_png_()))
    np.testing.assert_array_equal(np.asarray(shown), np.asarray(segmented.overlay()))
    for name, share in segmented.shares.items():
        assert (f"{name} {share:.1%}" in repr(segmented)) == (share > 0)


def test_parts_are_of_use_by_themselves() -> None:
    """Each with the settings of the released code, where there are some."""
    assert wsss.DenseCrf(IMAGE, 2, CRF).from_probabilities(HALVES).shape == (2, 9, 12)
    np.testing.assert_allclose(wsss.Pamr(IMAGE, 2).from_probabilities(HALVES), HALVES, atol=1e-5)
    photograph = torch.from_numpy(IMAGE).permute(2, 0, 1)[None].float()
    torch.testing.assert_close(
        wsss.pamr(photograph, torch.rand(1, 2, 4, 5, generator=torch.manual_seed(0))),
        wsss.pamr(photograph, torch.rand(1, 2, 4, 5, generator=torch.manual_seed(0)), wsss.PamrSettings()),
    )
    walked = wsss.random_walk(torch.ones(1, 9, 12), torch.zeros(9, 12))
    torch.testing.assert_close(walked, torch.ones(1, 9, 12, dtype=torch.float64), atol=1e-4, rtol=0)
    settings = wsss.ClassifierSettings.read("", {"backbone": {"name": "resnet18", "weights": "scratch"}})
    words = wsss.LearntWords(5, 3, settings)
    probabilities = wsss.word_probabilities(FEATURES, words.codebook, 1)
    assert wsss.word_labels(probabilities).shape == (2, 64)
    assert words.scores(FEATURES).image.shape == (2, 3)


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "CRF, photograph": (lambda: wsss.DenseCrf(IMAGE / 255, 2, CRF), "image must be .* is float64"),
    "CRF, count": (lambda: wsss.DenseCrf(IMAGE, 0, CRF), "count is the number of labels"),
    "CRF, channels": (lambda: wsss.DenseCrf(IMAGE, 3, CRF).from_probabilities(HALVES), r"float \(3, 9, 12\), and"),
    "CRF, size": (lambda: wsss.DenseCrf(IMAGE[1:], 2, CRF).from_probabilities(HALVES), r"float \(2, 8, 12\), and"),
    "CRF, labels": (lambda: wsss.DenseCrf(IMAGE, 2, CRF).from_labels(LABELS + 2, 0.7), "labels must be 0..1, and 2"),
    "CRF, trust": (lambda: wsss.DenseCrf(IMAGE, 2, CRF).from_labels(LABELS, 1), "label_probability must be between"),
    "PAMR, photograph": (lambda: wsss.Pamr(IMAGE[..., 0], 2), r"image must be .* is uint8 \(9, 12\)"),
    "PAMR, count": (lambda: wsss.Pamr(IMAGE, 0), "count is the number of labels"),
    "PAMR, scores": (lambda: wsss.Pamr(IMAGE, 2).smoothed(HALVES[0]), r"scores must be .* is float32 \(9, 12\)"),
    "PAMR, channels": (lambda: wsss.Pamr(IMAGE, 3).from_probabilities(HALVES), "probabilities must be"),
    "PAMR, labels": (lambda: wsss.Pamr(IMAGE, 2).from_labels(LABELS - 1, 0.7), "labels must be 0..1, and -1"),
    "PAMR, arrays": (lambda: wsss.pamr(HALVES, HALVES), "images must be a torch tensor"),  # type: ignore[arg-type]
    "PAMR, batch": (lambda: wsss.pamr(FEATURES, FEATURES[:1]), r"masks must be .*float \(2, C, h, w\)"),
    "walk, arrays": (lambda: wsss.random_walk(HALVES, HALVES[0]), "cams must be a torch tensor"),  # type: ignore[arg-type]
    "walk, edge": (lambda: wsss.random_walk(FEATURES[0], FEATURES[0, 0, 1:]), r"edge must be .*float \(8, 8\)"),
    "pooling, features": (lambda: wsss.hybrid_pooling(FEATURES[0], [1], 2, WHOLE), "features must be"),
    "pooling, region": (lambda: wsss.hybrid_pooling(FEATURES, [1, 0], 2, GRID), r"at least 1 .* regions \[1, 0\]"),
    "pooling, gamma": (lambda: wsss.hybrid_pooling(FEATURES, [1], -1, GRID), "gamma -1"),
    "pooling, nothing": (lambda: wsss.hybrid_pooling(FEATURES, [], 0, GRID), "one of them is needed"),
    "words, codebook": (lambda: wsss.word_probabilities(FEATURES, torch.rand(7, 4), 1), r"codebook .*float \(k, 5\)"),
    "words, features": (lambda: wsss.word_probabilities(FEATURES[0], torch.rand(7, 5), 1), "features must be"),
    "words, labels": (lambda: wsss.word_labels(FEATURES), "probabilities must be"),
    "store": (lambda: wsss.CamStore.read("gone.zarr.zip", "a"), "missing store: gone.zarr.zip"),
    "model": (lambda: wsss.load_segmenter("gone"), "no model at gone"),
    "dataset": (lambda: wsss.Dataset("gone"), "no folder gone"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_end_in_one_line(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call, told = WRONG[case]
    with pytest.raises(wsss.WsssError, match=told) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_photograph(usual: Made) -> None:
    with pytest.raises(wsss.WsssError, match="photographs is a folder, and no image"):
        wsss.load_segmenter(usual.model).predict(usual.photographs)

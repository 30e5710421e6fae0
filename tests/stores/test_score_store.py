"""Views of a score store against float64 loops over pixels."""

from pathlib import Path

import numpy as np
import pytest

from tests.naive import bilinear
from tests.reference import noise
from wsss.errors import WsssError
from wsss.stores.cam_store import CamStore
from wsss.stores.score_store import ScoreStore


def make_store(size: tuple[int, int], grid: tuple[int, int], classes: int = 4, dtype: type = np.float32) -> ScoreStore:
    logits = 4 * noise(f"score_store/{grid}", (classes, *grid))
    return ScoreStore("2007_000032", size, logits.astype(dtype), "sha256")


@pytest.mark.parametrize(
    ("size", "grid"), [((37, 51), (5, 7)), ((36, 52), (5, 7)), ((5, 3), (5, 3)), ((3, 2), (7, 5)), ((1, 1), (1, 1))]
)
@pytest.mark.parametrize("classes", [1, 2, 21])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_views_are_those_of_the_loops(size: tuple[int, int], grid: tuple[int, int], classes: int, dtype: type) -> None:
    store = make_store(size, grid, classes, dtype)
    resized = bilinear(store.logits, size)
    wanted = np.zeros_like(resized)
    for y, x in np.ndindex(*size):
        scores = np.exp(resized[:, y, x])
        wanted[:, y, x] = scores / scores.sum()
    full, labels = store.full(), store.labels()
    assert [str(full.dtype), str(labels.dtype)] == ["float32", "uint8"]
    assert full.shape == (classes, *size)
    np.testing.assert_allclose(full, wanted, rtol=0, atol=5e-6)
    np.testing.assert_allclose(full.sum(0), 1, rtol=0, atol=2e-6)
    ordered = np.sort(resized, 0)
    clear = np.ones(size, bool) if classes == 1 else ordered[-1] - ordered[-2] > 1e-5
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(labels[clear], wanted.argmax(0)[clear])


def test_equal_scores_go_to_the_lowest_class() -> None:
    store = ScoreStore("i", (3, 3), np.stack([np.full((2, 2), v, np.float32) for v in (1, 5, 5)]), "w")
    assert (store.labels() == 1).all()


def test_scores_out_of_the_exponentials_range() -> None:
    store = ScoreStore("i", (3, 3), np.array([[[-6e4]], [[6e4]], [[6e4]]], np.float16), "w")
    np.testing.assert_allclose(store.full()[:, 1, 1], [0, 0.5, 0.5])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_store_comes_back_as_it_was(tmp_path: Path, dtype: type) -> None:
    store = make_store((37, 51), (5, 7), 21, dtype)
    for name in ("x.zarr.zip", "y.zarr.zip"):
        store.write(tmp_path / name)
    assert (tmp_path / "x.zarr.zip").read_bytes() == (tmp_path / "y.zarr.zip").read_bytes()
    found = ScoreStore.read(tmp_path / "x.zarr.zip", "2007_000032")
    assert (found.image_id, found.size, found.weights) == ("2007_000032", (37, 51), "sha256")
    assert found.logits.dtype == dtype
    np.testing.assert_array_equal(found.logits, store.logits)
    np.testing.assert_array_equal(found.full(), store.full())


def test_damaged_and_foreign_stores_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zarr.zip"
    make_store((37, 51), (5, 7)).write(path)
    with pytest.raises(WsssError, match="image_id is '2007_000032', expected '2007_000033'"):
        ScoreStore.read(path, "2007_000033")
    with pytest.raises(WsssError, match="kind is 'score', expected 'cam'"):
        CamStore.read(path, "2007_000032")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(WsssError, match="damaged store"):
        ScoreStore.read(path, "2007_000032")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_neither_made_nor_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    logits = np.zeros((2, 3, 4), np.float16)
    logits[1, 0, 2] = value
    with pytest.raises(WsssError, match=rf"^not finite: scores of image i: {value} at \[1, 0, 2\]; train with "):
        ScoreStore("i", (6, 8), logits, "w")
    monkeypatch.setattr(ScoreStore, "__post_init__", lambda store: None)
    ScoreStore("i", (6, 8), logits, "w").write(tmp_path / "i.zarr.zip")
    with pytest.raises(WsssError, match=rf"not finite: .*i\.zarr\.zip, logits: {value} at "):
        ScoreStore.read(tmp_path / "i.zarr.zip", "i")

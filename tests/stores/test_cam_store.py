"""Views of a CAM store against float64 loops over pixels."""

from pathlib import Path

import numpy as np
import pytest

from tests.naive import bilinear
from tests.reference import blobs
from wsss.errors import WsssError
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import write_store
from wsss.stores.resize import resize_stored


def naive_view(store: CamStore, size: tuple[int, int]) -> np.ndarray:
    total = sum(bilinear(cam, size) for cam in store.cams)
    assert isinstance(total, np.ndarray)
    for number, cam in enumerate(total):
        total[number] = cam / (cam.max() + 1e-5)
    return total


def make_store(
    size: tuple[int, int], grids: list[tuple[int, int]], classes: int = 2, dtype: type = np.float32
) -> CamStore:
    cams: list[np.ndarray] = [(7.0 * blobs(f"cam_store/{h}x{w}", h, w, 3)[:classes]).astype(dtype) for h, w in grids]
    scales = (1.0, 0.5, 1.5, 2.0)[: len(grids)]
    return CamStore("2007_000032", size, np.arange(classes) * 3 + 1, scales, cams, "sha256")


@pytest.mark.parametrize(
    ("size", "grids"),
    [
        ((37, 51), [(3, 4), (2, 2), (4, 5), (5, 7)]),
        ((36, 52), [(3, 4), (1, 2)]),
        ((5, 3), [(7, 9), (1, 1)]),
        ((1, 1), [(1, 1), (2, 3)]),
        ((33, 1), [(3, 1)]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_views_are_those_of_the_loops(size: tuple[int, int], grids: list[tuple[int, int]], dtype: type) -> None:
    store = make_store(size, grids, dtype=dtype)
    full, strided = store.full(), store.strided()
    assert full.dtype == strided.dtype == np.float32
    assert full.shape == (2, *size)
    assert strided.shape == (2, -(-size[0] // 4), -(-size[1] // 4))
    np.testing.assert_allclose(full, naive_view(store, size), atol=2e-6)
    np.testing.assert_allclose(strided, naive_view(store, strided.shape[1:]), atol=2e-6)


def test_each_class_has_a_maximum_of_its_own() -> None:
    store = make_store((37, 51), [(3, 4), (2, 2)])
    store.cams[0][1] *= 0.01
    store.cams[1][1] *= 0.01
    for view in (store.full(), store.strided()):
        peaks = view.max((1, 2))
        assert ((peaks > 0.999) & (peaks < 1)).all()


def test_the_floor_of_the_division_is_1e_5() -> None:
    store = CamStore("i", (2, 2), np.array([0]), (1.0,), [np.full((1, 1, 1), 1e-5, np.float32)], "w")
    np.testing.assert_allclose(store.full(), np.full((1, 2, 2), 0.5), rtol=1e-5)


@pytest.mark.parametrize("dead", [0, 1])
def test_a_cam_of_zeros_stays_zero(dead: int) -> None:
    store = make_store((37, 51), [(3, 4), (2, 2)])
    for cam in store.cams:
        cam[dead] = 0
    for view in (store.full(), store.strided()):
        assert (view[dead] == 0).all()
        assert view[1 - dead].max() > 0.99


@pytest.mark.parametrize("classes", [0, 1, 3])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_store_comes_back_as_it_was(tmp_path: Path, classes: int, dtype: type) -> None:
    store = make_store((37, 51), [(3, 4), (2, 2), (4, 5)], classes, dtype)
    store.write(tmp_path / "x.zarr.zip")
    found = CamStore.read(tmp_path / "x.zarr.zip", "2007_000032")
    assert (found.image_id, found.size, found.scales, found.weights) == (
        "2007_000032",
        (37, 51),
        (1.0, 0.5, 1.5),
        "sha256",
    )
    assert found.keys.dtype == np.int64
    np.testing.assert_array_equal(found.keys, store.keys)
    for ours, wanted in zip(found.cams, store.cams, strict=True):
        assert ours.dtype == dtype
        np.testing.assert_array_equal(ours, wanted)
    assert found.full().shape == (classes, 37, 51)
    np.testing.assert_array_equal(found.strided(), store.strided())
    assert found.strided().shape == (classes, 10, 13)


def test_stores_of_another_image_or_kind_are_refused(tmp_path: Path) -> None:
    make_store((37, 51), [(3, 4)]).write(tmp_path / "x.zarr.zip")
    with pytest.raises(WsssError, match="image_id is '2007_000032', expected '2007_000033'"):
        CamStore.read(tmp_path / "x.zarr.zip", "2007_000033")
    write_store(tmp_path / "y.zarr.zip", "score", "i", {}, {})
    with pytest.raises(WsssError, match="kind is 'score', expected 'cam'"):
        CamStore.read(tmp_path / "y.zarr.zip", "i")


@pytest.mark.parametrize(("old", "new"), [((3, 4), (7, 5)), ((9, 8), (4, 3)), ((1, 5), (6, 5)), ((6, 6), (6, 6))])
def test_resize_is_bilinear_between_centres(old: tuple[int, int], new: tuple[int, int]) -> None:
    maps = blobs("cam_store/resize", *old, 3)
    np.testing.assert_allclose(resize_stored(maps, new), bilinear(maps, new), atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_cams_that_are_not_finite_are_neither_made_nor_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    def store() -> CamStore:
        cams = [np.zeros((1, 2, 2), np.float16), np.full((1, 1, 1), value, np.float16)]
        return CamStore("i", (6, 8), np.array([3]), (1.0, 0.5), cams, "w")

    with pytest.raises(WsssError, match=rf"^not finite: CAMs of image i at scale 0\.5: {value} at \[0, 0, 0\]; train "):
        store()
    monkeypatch.setattr(CamStore, "__post_init__", lambda store: None)
    store().write(tmp_path / "i.zarr.zip")
    with pytest.raises(WsssError, match=rf"not finite: .*i\.zarr\.zip, scale_1: {value} at "):
        CamStore.read(tmp_path / "i.zarr.zip", "i")

"""Masks in files of MATLAB: those that scipy writes come back, and what is damaged is refused."""

import io
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from tests.data.archives import mat
from wsss.data.sources.mat_files import read_mat_image
from wsss.data.sources.voc_annotations import read_sbd_labels
from wsss.errors import WsssError


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 5), (37, 50), (366, 500)])
def test_masks_come_back(tmp_path: Path, shape: tuple[int, int], compressed: bool) -> None:
    mask = np.random.default_rng(0).integers(0, 21, shape, np.uint8)
    (tmp_path / "one.mat").write_bytes(mat(mask, compressed))
    found = read_sbd_labels(tmp_path / "one.mat")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, mask)


def test_numbers_of_another_class_that_are_stored_in_eight_bits_are_read(tmp_path: Path) -> None:
    """MATLAB writes numbers of 64 bits so, if they are whole and small."""
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4)
    content = mat(mask, compressed=False)
    flags = [struct.pack("<IIII", 6, 8, number, 0) for number in (9, 6)]
    at = content.rindex(flags[0], 0, content.index(mask.tobytes("F")))
    (tmp_path / "one.mat").write_bytes(content[:at] + flags[1] + content[at + 16 :])
    np.testing.assert_array_equal(loadmat(tmp_path / "one.mat")["GTcls"]["Segmentation"][0, 0], mask)
    np.testing.assert_array_equal(read_sbd_labels(tmp_path / "one.mat"), mask)


def test_a_structure_among_others_is_found(tmp_path: Path) -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    savemat(tmp_path / "one.mat", {"x": 1.5, "a": {"other": "text", "image": image}, "b": {"image": image + 1}})
    np.testing.assert_array_equal(read_mat_image(tmp_path / "one.mat", "b", "image"), image + 1)


@pytest.mark.parametrize("content", [{"GTcls": 3.0}, {"other": {"Segmentation": np.zeros((2, 2), np.uint8)}}])
@pytest.mark.parametrize("compressed", [True, False])
def test_other_content_is_refused(tmp_path: Path, content: dict[str, object], compressed: bool) -> None:
    savemat(tmp_path / "one.mat", content, do_compression=compressed)
    with pytest.raises(WsssError, match=r"damaged label file: .*one\.mat"):
        read_sbd_labels(tmp_path / "one.mat")


def test_labels_of_more_than_eight_bits_are_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "one.mat", {"GTcls": {"Segmentation": np.zeros((2, 2), np.int32)}})
    with pytest.raises(WsssError, match=r"shape \(2, 2\) is no image of 8 bits"):
        read_sbd_labels(tmp_path / "one.mat")


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.mat").write_bytes(mat(np.zeros((5000, 5000), np.uint8)))
    with pytest.raises(WsssError, match="unpacks to too much"):
        read_sbd_labels(tmp_path / "one.mat")


@pytest.mark.parametrize("compressed", [True, False])
def test_a_file_with_any_byte_changed_or_cut_gives_a_mask_or_one_line(tmp_path: Path, compressed: bool) -> None:
    buffer = io.BytesIO()
    savemat(buffer, {"GTcls": {"Segmentation": np.eye(3, dtype=np.uint8)}}, do_compression=compressed)
    content, rng = buffer.getvalue(), np.random.default_rng(0)
    for place in range(126, len(content)):
        for damaged in (content[:place], content[:place] + bytes([rng.integers(256)]) + content[place + 1 :]):
            (tmp_path / "one.mat").write_bytes(damaged)
            with suppress(WsssError):
                assert read_sbd_labels(tmp_path / "one.mat").ndim == 2

"""What `wsss cam` writes: classes and photographs of odd names, and more words than a palette has colours."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss.commands.cam_output import cam_files, write_maps, write_words


def test_classes_may_have_any_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = {"file": 1, "a/b": 2, "a_b": 3, "../up": 4, "Süd west": 5}
    maps = {name: rng.random((6, 7), np.float32) for name in values}
    image = rng.integers(0, 256, (6, 7, 3)).astype(np.uint8)
    path = tmp_path / "below" / "cow.jpg"
    files = cam_files([path])[path]
    write_maps(tmp_path / "out", files, image, maps, values)
    found = np.load(tmp_path / "out" / files.maps, allow_pickle=False)
    assert {*found} == {*values}
    for name, own in maps.items():
        np.testing.assert_array_equal(found[name], own)
    assert sorted(one.name for one in (tmp_path / "out" / files.overlays).iterdir()) == [
        "1-file.jpg",
        "2-a_b.jpg",
        "3-a_b.jpg",
        "4-.._up.jpg",
        "5-Süd west.jpg",
    ]
    assert {one.name for one in tmp_path.iterdir()} == {"out"}


def test_heat_is_strongest_where_the_map_is(tmp_path: Path) -> None:
    heat = np.zeros((16, 16), np.float32)
    heat[:, 8:] = 1
    path = tmp_path / "cow.jpg"
    files = cam_files([path])[path]
    write_maps(tmp_path, files, np.full((16, 16, 3), 100, np.uint8), {"cow": heat}, {"cow": 1})
    shown = np.asarray(Image.open(tmp_path / files.overlays / "1-cow.jpg")).astype(int)
    # Half of the colour: blue where there is nothing, red where the map is highest.
    np.testing.assert_allclose(shown[8, 2], [50, 50, 114], atol=8)
    np.testing.assert_allclose(shown[8, 13], [114, 50, 50], atol=8)


@pytest.mark.parametrize(("vocabulary", "mode"), [(256, "P"), (257, "I;16")])
def test_words_keep_their_numbers(tmp_path: Path, vocabulary: int, mode: str) -> None:
    words = np.array([[0, 1, 2], [3, vocabulary - 1, 255]])
    write_words(tmp_path / "words.png", words, vocabulary, (6, 12))
    image = Image.open(tmp_path / "words.png")
    assert image.mode == mode
    shown = np.asarray(image)
    assert shown.shape == (6, 12)
    for y in range(6):
        for x in range(12):
            assert shown[y, x] == words[y // 3, x // 4]

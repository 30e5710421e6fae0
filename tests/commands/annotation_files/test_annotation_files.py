"""Files of annotation tools, read by other programs, hold every pixel of the label images."""

import json
import subprocess
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from tests.conftest import PROJECT
from wsss.commands.annotation_files.formats import FILES, MaskFormat, writer_of
from wsss.commands.annotation_files.label_studio import packed_runs
from wsss.commands.annotation_files.regions import Labelled
from wsss.data.images import read_labels, write_labels
from wsss.data.label_values import LabelValues
from wsss.data.sources.coco_file import read_instances
from wsss.data.sources.coco_masks import paint_masks
from wsss.errors import WsssError

# In another order than that of their values, and with what JSON and XML must escape.
VALUES = LabelValues({'a "quoted" \\ <cow> & co': 254, "Köter 犬 😀": 12, "cat": 3, "never seen": 7}, {})
READER = PROJECT / ".venv" / "readers" / "bin" / "python"


def label_images() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    corners = np.zeros((7, 11), np.uint8)
    corners[0, 0], corners[0, -1], corners[-1, 0], corners[-1, -1] = 3, 12, 254, 3
    inner = np.full((40, 300), 255, np.uint8)
    inner[5:30, 20:280], inner[12, 50:60] = 12, 0
    return {
        "Süd & Nord/IMG <1>.JPG": rng.choice([0, 3, 12, 254, 255], (37, 23)).astype(np.uint8),
        "Süd & Nord/\"x\" 'y' 犬.png": corners,
        "a;b=c,d%20e#f?g.jpg": inner,
        "no class.jpg": np.zeros((3, 5), np.uint8),
        "one class.jpg": np.full((5, 3), 3, np.uint8),
        "one pixel.tif": np.full((1, 1), 254, np.uint8),
        "wide.png": np.repeat(np.array([[0, 12, 255]], np.uint8), [1, 70_000, 20_000], axis=1),
    }


@pytest.fixture
def photographs(tmp_path: Path) -> list[Labelled]:
    found = []
    for number, (name, labels) in enumerate(label_images().items()):
        found.append(Labelled(name, tmp_path / "labels" / f"{number}.png"))
        write_labels(found[-1].labels, labels)
    return found


def written(chosen: MaskFormat, photographs: list[Labelled], folder: Path) -> Path:
    """The file of a format. Writing it twice gives the same bytes."""
    write = writer_of(chosen)
    assert write is not None
    path = folder / FILES[chosen]
    write(path, photographs, VALUES)
    before = path.read_bytes()
    write(path, photographs, VALUES)
    assert path.read_bytes() == before
    assert [file.name for file in folder.iterdir() if file.is_file()] == [path.name]
    return path


def assert_regions(found: dict[str, np.ndarray], labels: np.ndarray) -> None:
    """The masks by class name are those of a label image, and no class without pixels has one."""
    assert set(found) == {name for name, value in VALUES.classes.items() if (labels == value).any()}
    for name, mask in found.items():
        np.testing.assert_array_equal(np.asarray(mask, bool), labels == VALUES.classes[name])


def test_coco_is_read_by_pycocotools(photographs: list[Labelled], tmp_path: Path) -> None:
    path = written(MaskFormat.COCO, photographs, tmp_path)
    coco = COCO(path)
    assert [(one["id"], one["name"]) for one in coco.loadCats(coco.getCatIds())] == sorted(
        (value, name) for name, value in VALUES.classes.items()
    )
    images = {one["file_name"]: one for one in coco.loadImgs(coco.getImgIds())}
    assert list(images) == list(label_images())
    for name, labels in label_images().items():
        image = images[name]
        assert (image["height"], image["width"]) == labels.shape
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
        assert_regions({coco.cats[one["category_id"]]["name"]: coco.annToMask(one) for one in annotations}, labels)
        for one in annotations:
            rows, columns = np.nonzero(labels == one["category_id"])
            left, top = columns.min(), rows.min()
            assert one["bbox"] == [left, top, columns.max() + 1 - left, rows.max() + 1 - top]
            assert (one["area"], one["iscrowd"]) == (len(rows), 0)


def test_coco_is_read_by_this_project(photographs: list[Labelled], tmp_path: Path) -> None:
    instances = read_instances(written(MaskFormat.COCO, photographs, tmp_path))
    assert list(instances.file_names) == list(label_images())
    masks = {tmp_path / f"{number}.png": number for number in range(len(photographs))}
    paint_masks(instances, masks, VALUES.classes.values(), "ignore")
    for path, labels in zip(masks, label_images().values(), strict=True):
        np.testing.assert_array_equal(read_labels(path), np.where(labels == 255, 0, labels))


def test_cvat_is_read_by_datumaro(photographs: list[Labelled], tmp_path: Path) -> None:
    if not READER.exists():
        pytest.skip("no .venv/readers: `make test` makes it")
    path = written(MaskFormat.CVAT, photographs, tmp_path)
    for name, labels in label_images().items():
        photograph = tmp_path / "images" / name
        photograph.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", labels.shape[::-1]).save(photograph)
    ran = subprocess.run(
        [READER, Path(__file__).with_name("read_cvat.py"), path.parent], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["labels"] == sorted(VALUES.classes, key=lambda name: VALUES.classes[name])
    assert {name.rpartition(".")[0] for name in label_images()} == set(found["items"])
    for name, labels in label_images().items():
        item = found["items"][name.rpartition(".")[0]]
        assert tuple(item["size"]) == labels.shape
        assert_regions(item["masks"], labels)


def unpacked(stream: list[int]) -> list[int]:
    """The bytes of a stream of Label Studio's brush, one bit after another."""
    bits = iter("".join(f"{byte:08b}" for byte in stream))

    def read(count: int) -> int:
        return int("".join(next(bits) for _ in range(count)), 2)

    total, bits_of_a_value = read(32), read(5) + 1
    bits_of_lengths = [read(4) + 1 for _ in range(4)]
    found: list[int] = []
    while len(found) < total:
        equal = read(1)
        length = read(bits_of_lengths[read(2)]) + 1
        found += [read(bits_of_a_value)] * length if equal else [read(bits_of_a_value) for _ in range(length)]
    assert len(found) == total
    return found


def test_label_studio_is_read_bit_by_bit(photographs: list[Labelled], tmp_path: Path) -> None:
    tasks = json.loads(written(MaskFormat.LABEL_STUDIO, photographs, tmp_path).read_text())
    assert len(tasks) == len(label_images())
    for task, (name, labels) in zip(tasks, label_images().items(), strict=True):
        address, _, path = task["data"]["image"].partition("?d=")
        assert (address, unquote(path)) == ("/data/local-files/", name)
        assert not set(path) & set(" ?#&;\"'<>")
        (prediction,) = task["predictions"]
        masks = {}
        for one in prediction["result"]:
            assert (one["original_height"], one["original_width"]) == labels.shape
            assert (one["type"], one["value"]["format"], one["image_rotation"]) == ("brushlabels", "rle", 0)
            (name_of_class,) = one["value"]["brushlabels"]
            pixels = np.array(unpacked(one["value"]["rle"])).reshape(*labels.shape, 4)
            assert set(np.unique(pixels)) <= {0, 255}
            assert (pixels == pixels[:, :, :1]).all()
            masks[name_of_class] = pixels[:, :, 3] == 255
        assert_regions(masks, labels)
        assert len({one["id"] for one in prediction["result"]}) == len(masks)


# A region and its stream as label-studio-sdk 2.1.2 encodes it. It ends with a byte more, which no pixel needs.
REGION = ["011100000", "001010100", "111100010", "000011001", "100101011", "010100101", "111011111"]
STREAM = (
    "000000fc391bfc6016fff0d8047ff18047ff18047ff3805fffb6011ffe13009ffe7009ffe7008ffe"
    "3008ffe3009ffe3008ffe3008ffe7008ffe300bfff180613ff00"
)


def test_streams_are_those_of_label_studio() -> None:
    stream = list(bytes.fromhex(STREAM))
    region = np.array([[pixel == "1" for pixel in row] for row in REGION])
    assert unpacked(stream) == np.repeat(region.reshape(-1) * 255, 4).tolist()
    assert packed_runs(region).tolist() == stream[:-1]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    with pytest.raises(WsssError, match=r"pip install .*\[coco\]"):
        writer_of(MaskFormat.COCO)
    assert writer_of(MaskFormat.PNG) is None


def test_a_label_image_that_is_gone_leaves_no_file(photographs: list[Labelled], tmp_path: Path) -> None:
    photographs[-1].labels.unlink()
    for chosen, name in FILES.items():
        write = writer_of(chosen)
        assert write is not None
        with pytest.raises(WsssError, match=r"missing label image: .*6\.png"):
            write(tmp_path / name, photographs, VALUES)
    assert [file for file in tmp_path.iterdir() if file.is_file()] == []

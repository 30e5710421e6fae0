"""A dataset by its folder or by a finished run, from any working directory; and what is wrong, in one line."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from wsss.data.dataset import Dataset
from wsss.data.run_artifacts import stage_folder
from wsss.errors import WsssError
from wsss.manifests.single_files import list_file

HEADER = "stage\tpath\tsettings\n"


@pytest.fixture
def run(dataset: Dataset, tmp_path: Path) -> Path:
    """A finished run, below a folder of results that has been renamed since."""
    shutil.copytree(dataset.root, tmp_path / "renamed" / "data-mine-0a1b2c", symlinks=True)
    folder = tmp_path / "renamed" / "runs" / "default-0a1b2c"
    folder.mkdir(parents=True)
    rows = ["data\tresults/data-mine-0a1b2c\t{}\n", "cams\tresults/data-mine-0a1b2c/cams-gone\t{}\n"]
    (folder / "artifacts.tsv").write_text(HEADER + "".join(rows))
    (folder.parent / "default").symlink_to(folder.name)
    return folder.parent / "default"


def test_a_run_stands_for_its_dataset(
    run: Path, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    for place in (str(run), run, "../renamed/runs/default", "../renamed/data-mine-0a1b2c"):
        found = Dataset(place)
        assert found.root.samefile(tmp_path / "renamed" / "data-mine-0a1b2c")
        assert (found.ids("train"), found.classes) == (dataset.ids("train"), dataset.classes)
    assert repr(Dataset("../renamed/data-mine-0a1b2c")) == "Dataset('../renamed/data-mine-0a1b2c')"


def test_places_without_a_dataset_are_told(run: Path, tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    for place, told in (
        ("gone", "no folder .*gone: name results/data-"),
        ("photographs", "photographs is neither a prepared dataset nor a finished run"),
        ("renamed/runs", "runs is neither a prepared dataset nor a finished run"),
    ):
        with pytest.raises(WsssError, match=told):
            Dataset(tmp_path / place)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "has no stage 'data'; it has none"),
        (HEADER + "data\n", "line 2 is damaged"),
        (HEADER + "data\t/etc\t{}\n", "line 2 is damaged"),
        (HEADER + "data\tresults/../..\t{}\n", "line 2 is damaged"),
        ("a\tb\tc\nd\te\tf\n", "line 2 is damaged"),
        (HEADER, "has no stage 'data'; it has none"),
        (HEADER + "cams\tresults/cams\t{}\n", "has no stage 'data'; it has cams"),
        (HEADER + "data\tresults/data-gone\t{}\n", "data-gone is not there: run the workflow again"),
    ],
)
def test_damaged_artifacts_are_told(run: Path, content: str, told: str) -> None:
    (run / "artifacts.tsv").write_text(content)
    with pytest.raises(WsssError, match=told) as caught:
        stage_folder(str(run), "data")
    assert "\n" not in str(caught.value)


def test_stages_that_are_not_there_are_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(WsssError, match="cams-gone is not there"):
        stage_folder(run, "cams")
    with pytest.raises(WsssError, match="has no stage 'cam'; it has data, cams"):
        stage_folder(run, "cam")
    with pytest.raises(WsssError, match=r"artifacts\.tsv cannot be read"):
        stage_folder(tmp_path, "cams")


@pytest.mark.parametrize("ask", [Dataset.image_path, Dataset.truth, Dataset.present])
def test_an_unknown_image_is_named_with_those_that_are_near(dataset: Dataset, ask: object) -> None:
    assert callable(ask)
    with pytest.raises(WsssError, match=r"has no image 'val_0001\.jpg'; ids are like val_0001,"):
        ask(dataset, "val_0001.jpg")
    with pytest.raises(WsssError, match=r"has no image 'x'; ids are like train_0000"):
        ask(dataset, "x")


def test_splits_and_shards_that_are_none_are_told(dataset: Dataset) -> None:
    with pytest.raises(WsssError, match="no split 'trian': there are train, train_scored, val, test"):
        dataset.ids("trian")
    for shard in ("0", "2-of-2", "0-of-0", "-1-of-2", "a-of-b"):
        with pytest.raises(WsssError, match=re.escape(f"no shard {shard!r}")):
            dataset.shard("train", shard)


def test_a_damaged_table_of_labels_is_told(run: Path) -> None:
    data = Dataset(run)
    (data.root / "image_labels.csv").write_text("image_id,cow\na,1\n")
    with pytest.raises(WsssError, match=r"damaged file: .*image_labels\.csv is not as it was made .*wsss verify"):
        _ = data.image_labels
    list_file(data.root / "image_labels.csv")
    with pytest.raises(WsssError, match=r"image_labels\.csv cannot be read .*; `wsss verify"):
        _ = data.image_labels
    (data.root / "image_labels.csv").unlink()
    with pytest.raises(WsssError, match=r"missing file: .*image_labels\.csv; "):
        _ = data.image_labels


def test_an_image_of_no_split_with_labels_has_none(run: Path) -> None:
    data = Dataset(run)
    last = data.ids("val")[-1]
    table = data.root / "image_labels.csv"
    table.write_text("".join(line for line in table.read_text().splitlines(True) if not line.startswith(last)))
    list_file(table)
    with pytest.raises(WsssError, match=f"image {last} has no image-level label"):
        data.present(last)
    assert isinstance(data.present(data.ids("val")[0]), np.ndarray)


def test_a_label_of_another_value_is_told(run: Path) -> None:
    data = Dataset(run)
    table = data.root / "image_labels.csv"
    header, first, *more = table.read_text().splitlines()
    image_id, *cells = first.split(",")
    table.write_text("\n".join([header, ",".join([image_id, "9", *cells[1:]]), *more]) + "\n")
    list_file(table)
    with pytest.raises(WsssError, match=rf"image_labels\.csv: {image_id}, \w+ is 9, neither 0 nor 1; "):
        _ = data.image_labels


@pytest.mark.parametrize(("old", "new"), [("true", '"yes"'), ("{}", "[]")])
def test_a_description_of_another_type_is_told(run: Path, old: str, new: str) -> None:
    file = Dataset(run).root / "dataset.json"
    file.write_text(file.read_text().replace(old, new))
    list_file(file)
    with pytest.raises(WsssError, match=r"dataset\.json: \w+ is .*; `wsss verify"):
        _ = Dataset(run).classes

"""The whole chain in miniature, from nothing to the report; and again without a single mask, to the same bytes."""

import csv
import json
import re
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import CLASSES, TINY, Workplace, folder_config
from wsss.files import sha256_of

IMAGES = {"train": 16, "val": 6}
RECORDS = {
    ("cam", "train"),
    ("cam", "val"),
    ("cam_crf", "train"),
    ("cam_crf", "val"),
    ("pseudo_label", "train"),
    ("prediction", "val"),
    ("prediction_crf", "val"),
}
# What the segmentation network is made from, and itself.
CHAIN = (
    "classifier-*/classifier.safetensors",
    "classifier-*/cams-*/stores/train_*.zarr.zip",
    "classifier-*/cams-*/confident_labels-*/labels/*.png",
    "classifier-*/cams-*/confident_labels-*/irnet-*/edges.safetensors",
    "classifier-*/cams-*/confident_labels-*/irnet-*/pseudo_labels-*/labels/*.png",
    "classifier-*/cams-*/confident_labels-*/irnet-*/pseudo_labels-*/segmentation-*/segmenter.safetensors",
)


def test_a_report_stands_at_the_end(finished: Workplace) -> None:
    made = {path.name for path in finished.only("results/runs/default").iterdir()}
    assert made >= {"report.html", "metrics.json", "metrics.csv", "artifacts.tsv", "panels_train.png", "panels_val.png"}
    assert finished.leftovers() == []


def test_metrics_tell_every_stage_and_what_it_rests_on(finished: Workplace) -> None:
    records = json.loads(finished.only("results/runs/default/metrics.json").read_text())
    assert {(record["stage"], record["split"]) for record in records} == RECORDS
    assert len(records) == len(RECORDS)
    for record in records:
        assert record["images"] == IMAGES[record["split"]]
        assert record["initialisation"] == "efficientnet_lite0-imagenet"
        assert record["seed"] == 0
        assert list(record["per_class"]) == ["background", *CLASSES]
        assert record["miou"] == pytest.approx(sum(record["per_class"].values()) / 5)
        assert 0 < record["miou"] < record["pixel_accuracy"] < 1
    chosen = {record["split"]: record for record in records if record["stage"] == "cam"}
    assert chosen["val"]["threshold"] == chosen["train"]["threshold"]
    assert chosen["val"]["threshold_from"] == chosen["train"]["threshold_from"] == "train"


def test_the_artifacts_of_the_run_are_listed_and_exist(finished: Workplace) -> None:
    with finished.only("results/runs/default/artifacts.tsv").open() as file:
        rows = {row["stage"]: Path(row["path"]) for row in csv.DictReader(file, delimiter="\t")}
    assert {"data", "classifier", "cams", "confident_labels", "irnet", "pseudo_labels", "segmentation"} <= set(rows)
    assert [str(path) for path in rows.values() if not (finished.work / path).is_dir()] == []


def test_every_job_has_left_its_log_and_its_benchmark(finished: Workplace) -> None:
    listed = finished.snakemake("-n", "--forceall").output
    logs = re.findall(r"^    log: (.+)$", listed, re.MULTILINE)
    benchmarks = re.findall(r"^    benchmark: (.+)$", listed, re.MULTILINE)
    # The rule make_backbone has no benchmark, as snakemake allows none where `cache` is set.
    assert (len(set(logs)), len(set(benchmarks))) == (40, 39)
    assert [name for name in logs if not (finished.work / name).is_file()] == []
    assert [name for name in benchmarks if not (finished.work / name).read_text().startswith("s\t")] == []


def test_afterwards_nothing_is_left_to_do(finished: Workplace) -> None:
    assert not finished.planned()


def test_without_masks_and_cut_otherwise_the_same_bytes_come_out(finished: Workplace, folder_run: Workplace) -> None:
    """Only scores use masks. The number of shards and the kind of dataset do not change results.

    Nor does it whether two jobs of networks run at once, each with a device of its own, or one by one without a device
    (tests/workflow/test_devices.py).
    """
    assert yaml.safe_load(TINY.read_text())["shards"] != folder_config(Path())["shards"]
    assert not (folder_run.root / "dataset" / "SegmentationClass").exists()
    first, second = finished.only("results/data-synthetic-*"), folder_run.only("results/data-moved-*")
    for pattern in CHAIN:
        expected = sums_of(first, pattern)
        assert expected, pattern
        assert sums_of(second, pattern) == expected


def sums_of(folder: Path, pattern: str) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256_of(path) for path in folder.glob(pattern)}

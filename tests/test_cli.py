"""`wsss verify` finds what is damaged, and `--repair` removes the manifests that the workflow is to make again."""

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner, Result

from wsss.cli import app
from wsss.data.label_values import LabelValues
from wsss.stores.label_images import write_label_shard

VALUES = LabelValues({"cat": 1}, {})
WEIGHTS = Path("voc12") / "vwl_l-9f3c12" / "classifier.safetensors"
STAGE = Path("voc12") / "vwl_l-9f3c12" / "cams-77c1aa" / "pseudo-5d10ee"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two shards of a stage deep down, of two images each, one of another stage, and weights."""
    folder = tmp_path / "results" / STAGE
    labels = np.zeros((3, 4), np.uint8)
    for shard, ids in (("0-of-2", ["a", "c"]), ("1-of-2", ["b", "d"])):
        write_label_shard(
            VALUES, ids, lambda image_id: labels, folder, folder / "shards" / "train" / f"{shard}.tsv", "labels"
        )
    other = folder.parent
    write_label_shard(VALUES, ["a"], lambda image_id: labels, other, other / "shards" / "val" / "0-of-1.tsv", "labels")
    save_file({"weight": np.zeros((2, 3), np.float32)}, tmp_path / "results" / WEIGHTS)
    return tmp_path / "results"


def verify(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


def test_all_is_well(results: Path) -> None:
    found = verify(results)
    assert (found.exit_code, found.output) == (0, "3 manifests and 1 files of weights checked, 0 damaged files\n")


def test_damage_is_named_and_left_alone_without_repair(results: Path) -> None:
    damaged = results / STAGE / "labels" / "b.png"
    damaged.write_bytes(damaged.read_bytes()[:-3])
    missing = results / STAGE / "labels" / "d.png"
    missing.unlink()
    before = sorted(results.rglob("*"))
    found = verify(results)
    assert found.exit_code == 1
    lines = found.output.splitlines()
    assert lines[:3] == [
        f"damaged: {damaged}",
        f"damaged: {missing}",
        "3 manifests and 1 files of weights checked, 2 damaged files",
    ]
    assert "wsss verify --repair" in lines[3]
    assert sorted(results.rglob("*")) == before


def test_repair_removes_the_manifests_of_damaged_files_alone(results: Path) -> None:
    (results / STAGE / "labels" / "b.png").write_bytes(b"")
    manifests = results / STAGE / "shards" / "train"
    found = verify(results, "--repair")
    assert found.exit_code == 0
    assert found.output.splitlines()[-1] == f"snakemake {manifests / '1-of-2.tsv'}"
    assert [path.name for path in manifests.iterdir()] == ["0-of-2.tsv"]
    assert (results / STAGE / "labels" / "b.png").exists()
    assert verify(results).output == "2 manifests and 1 files of weights checked, 0 damaged files\n"


@pytest.mark.parametrize("content", [b"", b"\x89PNG\xff\xfe", b"id\tfile\tbytes\tsha256\na\tb\n"])
def test_a_damaged_manifest_is_found_and_removed(results: Path, content: bytes) -> None:
    manifest = results / STAGE / "shards" / "train" / "0-of-2.tsv"
    manifest.write_bytes(content)
    found = verify(results)
    assert found.exit_code == 1
    assert f"{manifest}" in found.output
    assert verify(results, "--repair").exit_code == 0
    assert not manifest.exists()


def test_truncated_weights_are_found_and_removed(results: Path) -> None:
    weights = results / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-5])
    found = verify(results)
    assert found.exit_code == 1
    assert re.search(rf"^damaged: {weights} \(.+\)$", found.output, re.MULTILINE)
    repaired = verify(results, "--repair")
    assert (repaired.exit_code, repaired.output.splitlines()[-1]) == (0, f"snakemake {weights}")
    assert not weights.exists()


def test_a_folder_without_anything_to_check_is_an_error(tmp_path: Path) -> None:
    found = verify(tmp_path)
    assert found.exit_code == 1
    assert "nothing to check" in found.output


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    found = verify(tmp_path / "nowhere")
    assert found.exit_code == 2
    # The message is printed in a box, which may break the line anywhere.
    assert "doesnotexist" in "".join(found.output.replace("│", "").split())


def test_the_folder_is_results_where_none_is_named(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(results.parent)
    assert verify().output == "3 manifests and 1 files of weights checked, 0 damaged files\n"

"""`wsss verify` of a folder: every list that is there. Of a config: tests/workflow/test_failures.py."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner, Result

from wsss.cli import app
from wsss.data.label_values import LabelValues
from wsss.manifests import checking
from wsss.manifests.single_files import list_file, sum_file
from wsss.stores.label_images import write_label_shard

VALUES = LabelValues({"cat": 1}, {})
WEIGHTS = Path("data-voc12-000000") / "classifier-9f3c12" / "classifier.safetensors"
STAGE = WEIGHTS.parent / "cams-77c1aa" / "pseudo_labels-5d10ee"


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
    list_file(tmp_path / "results" / WEIGHTS)
    return tmp_path / "results"


def verify(*arguments: str | Path) -> Result:
    checking._CHECKED.clear()
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


def counts(results: Path, checked: int = 11, damaged: int = 0, missing: int = 0, unlisted: int = 0) -> str:
    return f"{results}: {checked} files checked, {damaged} damaged, {missing} missing, {unlisted} unlisted"


def test_all_is_well(results: Path) -> None:
    """Five label images, three manifests, two legends and the weights."""
    found = verify(results)
    assert (found.exit_code, found.output) == (0, counts(results) + "\n")


def test_what_is_wrong_is_named_and_left_alone(results: Path) -> None:
    damaged, missing, more = (results / STAGE / "labels" / f"{name}.png" for name in "bde")
    damaged.write_bytes(damaged.read_bytes()[:-3])
    missing.unlink()
    more.write_bytes(b"")
    before = sorted(results.rglob("*"))
    found = verify(results)
    assert found.exit_code == 1
    lines = found.output.splitlines()
    assert set(lines[:3]) == {
        f"damaged: {damaged} (another SHA-256)",
        f"missing: {missing}",
        f"unlisted: {more}",
    }
    assert lines[3] == counts(results, damaged=1, missing=1, unlisted=1)
    assert "wsss verify CONFIG" in lines[4]
    assert sorted(results.rglob("*")) == before


def test_a_file_that_no_list_names_is_no_fault(results: Path) -> None:
    (results / WEIGHTS).with_name("notes.txt").write_text("mine")
    found = verify(results)
    assert (found.exit_code, found.output.splitlines()[-1]) == (0, counts(results, unlisted=1))


@pytest.mark.parametrize("content", [b"", b"\x89PNG\xff\xfe", b"id\tfile\tbytes\tsha256\na\tb\n", None])
def test_a_damaged_manifest_is_found(results: Path, content: bytes | None) -> None:
    """Also one that has lost its last row, here None."""
    manifest = results / STAGE / "shards" / "train" / "0-of-2.tsv"
    lines = manifest.read_bytes().splitlines(True)
    manifest.write_bytes(b"".join([*lines[:-2], lines[-1]]) if content is None else content)
    found = verify(results)
    assert found.exit_code == 1
    assert f"damaged: {manifest} (" in found.output


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def lose_sum(path: Path) -> None:
    flip(sum_file(path))


@pytest.mark.parametrize(("damage", "why"), [(flip, "another SHA-256"), (lose_sum, "its sum is missing or damaged")])
def test_weights_with_a_flipped_byte_are_found(results: Path, damage: Callable[[Path], None], why: str) -> None:
    damage(results / WEIGHTS)
    found = verify(results)
    assert found.exit_code == 1
    assert f"damaged: {results / WEIGHTS} ({why})\n" in found.output


def test_only_a_config_repairs(results: Path) -> None:
    flip(results / WEIGHTS)
    found = verify(results, "--repair")
    assert found.exit_code == 1
    assert "error: only a config says how files are made: `wsss verify CONFIG --repair`" in found.output


def test_a_folder_without_anything_to_check_is_an_error(tmp_path: Path) -> None:
    found = verify(tmp_path)
    assert found.exit_code == 1
    assert "nothing to check" in found.output


def test_a_place_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    found = verify(tmp_path / "nowhere")
    assert found.exit_code == 2
    # The message is printed in a box, which may break the line anywhere.
    assert "doesnotexist" in "".join(found.output.replace("│", "").split())


def test_the_folder_is_results_where_none_is_named(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(results.parent)
    assert verify().output == counts(Path("results")) + "\n"

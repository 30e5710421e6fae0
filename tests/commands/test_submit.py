"""`wsss submit`: the archive of the evaluation server, read by other readers, and everything that it refuses."""

import gzip
import io
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tests.prepared import prepared
from wsss.cli import app
from wsss.data.dataset import Dataset
from wsss.data.images import voc_palette
from wsss.manifests.rows import write_manifest
from wsss.manifests.single_files import list_file
from wsss.settings.data import VOC_CLASSES
from wsss.stores.label_images import label_path, write_label_shard

DATA = "results/data-voc12-0a1b2c"
LABELS = f"{DATA}/truth/segmentation-1a2b3c/prediction-2a3b4c/prediction_labels-3a4b5c"
IDS = [f"2008_{number:06d}" for number in range(1456)]
FOLDER = "results/VOC2012/Segmentation/comp6_test_cls"
SIZE = (4, 5)


def write_page(work: Path, data: dict[str, Any]) -> None:
    """The table of a run's artifacts, as a report has it, with the rows that matter here."""
    page = work / "results" / "runs" / "voc-0a1b2c"
    page.mkdir(parents=True, exist_ok=True)
    rows = [("stage", "path", "settings"), ("data", DATA, json.dumps(data)), ("prediction_labels", LABELS, "{}")]
    (page / "artifacts.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
    list_file(page / "artifacts.tsv")


def write_labels_of_test(work: Path, kind: str, ids: list[str], values: Dataset, seed: int) -> None:
    rng = np.random.default_rng(seed)
    folder = work / LABELS / kind
    labels = {one: rng.integers(0, 21, SIZE).astype(np.uint8) for one in ids}
    write_label_shard(values.values, ids, labels.__getitem__, folder, folder / "test.tsv", "labels")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of VOC 2012 and its predictions of all test images. To be read only."""
    work = tmp_path_factory.mktemp("submit")
    # The list of test is not sorted.
    dataset = prepared(work / DATA, VOC_CLASSES, {"test": IDS[::-1]})
    write_page(work, {"kind": "voc12", "lists": {"test": "test"}})
    for seed, kind in enumerate(("plain", "crf")):
        write_labels_of_test(work, kind, IDS, dataset, seed)
    return work


@pytest.fixture
def work(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the working directory. To be changed."""
    copy = tmp_path / "work"
    # Files are replaced, never written to, so links do.
    shutil.copytree(finished, copy, copy_function=os.link)
    monkeypatch.chdir(copy)
    return copy


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["submit", *map(str, arguments)])


def replaced(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def made_anew(path: Path, content: bytes) -> None:
    """Put another content in place of a file's, with a sum that knows it."""
    replaced(path, content)
    list_file(path)


def relabelled(work: Path, labels: np.ndarray, mode: str = "P") -> None:
    """Put other labels in place of an image's, with a manifest that knows them."""
    image = Image.fromarray(labels)
    if mode == "P":
        image.putpalette(voc_palette().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    folder = work / LABELS / "crf"
    replaced(label_path(folder, IDS[7]), buffer.getvalue())
    (folder / "test.tsv").unlink()
    write_manifest(folder / "test.tsv", folder, [(one, f"labels/{one}.png") for one in IDS])


def refused(work: Path, *told: str, arguments: tuple[str, ...] = ()) -> None:
    """The command ends with one line that tells these words, and writes nothing."""
    before = sorted(path for path in work.iterdir())
    found = run("voc-0a1b2c", *arguments)
    assert found.exit_code == 1, found.output
    # Lines without `error: ` are those of the progress.
    (line,) = (one for one in found.stderr.splitlines() if one.startswith("error: "))
    for words in told:
        assert words in line
    assert sorted(path for path in work.iterdir()) == before


@pytest.mark.parametrize(("option", "kind"), [("--crf", "crf"), ("--no-crf", "plain")])
def test_the_archive_has_every_test_image_once_as_the_server_wants_it(work: Path, option: str, kind: str) -> None:
    found = run("voc-0a1b2c", option, "-o", "out.tar")
    assert found.exit_code == 0, found.output
    with tarfile.open(work / "out.tar") as archive:
        entries = archive.getmembers()
        assert [entry.name for entry in entries] == [f"{FOLDER}/{one}.png" for one in IDS]
        assert {(entry.mtime, entry.uid, entry.gid, entry.mode) for entry in entries} == {(0, 0, 0, 0o644)}
        contents = {Path(entry.name).stem: archive.extractfile(entry).read() for entry in entries}  # type: ignore[union-attr]
    for one in IDS[:20]:
        assert contents[one] == label_path(work / LABELS / kind, one).read_bytes()
        image = Image.open(io.BytesIO(contents[one]))
        assert (image.mode, image.size) == ("P", SIZE[::-1])
        assert np.asarray(image).max() <= 20
        assert image.getpalette()[3:6] == [128, 0, 0]  # type: ignore[index]


def test_equal_labels_give_equal_bytes(work: Path) -> None:
    assert run("results/runs/voc-0a1b2c", "-o", "one.tar").exit_code == 0
    for path in (work / LABELS).rglob("*.png"):
        os.utime(path, (1, 1))
    assert run("results/runs/voc-0a1b2c", "-o", "two.tgz").exit_code == 0
    assert gzip.decompress((work / "two.tgz").read_bytes()) == (work / "one.tar").read_bytes()
    assert run("voc-0a1b2c").exit_code == 0
    assert (work / "results.tgz").read_bytes() == (work / "two.tgz").read_bytes()


def test_results_that_were_moved_are_followed(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "results").rename(work / "old")
    monkeypatch.chdir(work / "old" / "runs")
    assert run("voc-0a1b2c", "-o", work / "out.tar").exit_code == 0


def test_without_predictions_of_test_the_command_that_makes_them_is_named(work: Path) -> None:
    (work / LABELS / "crf" / "test.tsv").unlink()
    refused(work, f"`snakemake {LABELS}/crf/test.tsv --configfile CONFIG`")


def test_label_images_that_the_server_does_not_take(work: Path) -> None:
    ignored = np.full(SIZE, 3, np.uint8)
    ignored[1, 2] = 255
    relabelled(work, ignored)
    refused(work, f"{IDS[7]}.png holds the value 255", "0..20")
    relabelled(work, np.full((5, 4), 3, np.uint8))
    refused(work, "has 5x4 pixels (h x w), and the photograph 4x5")
    relabelled(work, np.full(SIZE, 3, np.uint8), mode="L")
    refused(work, "is an image of mode L")


def test_damaged_and_missing_label_images_are_told_at_once(work: Path) -> None:
    path = label_path(work / LABELS / "crf", IDS[3])
    replaced(path, path.read_bytes()[:-1])
    label_path(work / LABELS / "crf", IDS[5]).unlink()
    refused(work, f"{IDS[3]}.png is missing or damaged", "(and 1 more like this)")


def test_predictions_of_other_images_are_refused(work: Path) -> None:
    manifest = work / LABELS / "crf" / "test.tsv"
    replaced(manifest, b"\n".join(manifest.read_bytes().splitlines()[:-1]) + b"\n")
    refused(work, "test.tsv is damaged (its last line does not fit its rows)")
    manifest.unlink()
    write_manifest(manifest, manifest.parent, [(one, f"labels/{one}.png") for one in IDS[:-1]])
    refused(work, "of other images than the list of test", IDS[-1])


def test_lists_of_other_images_are_refused(work: Path) -> None:
    listed = work / DATA / "lists" / "test.txt"
    made_anew(listed, "".join(f"{one}\n" for one in IDS[:-1]).encode())
    refused(work, "has 1455 images, and the server wants the 1456 of VOC 2012's test")
    made_anew(listed, "".join(f"{one}\n" for one in [*IDS[:-1], IDS[0]]).encode())
    refused(work, f"names {IDS[0]} 2 times")
    skipped = work / DATA / "skipped.tsv"
    made_anew(listed, "".join(f"{one}\n" for one in IDS[:-1]).encode())
    made_anew(skipped, f"id\tfile\treason\n{IDS[-1]}\tdataset/a.jpg\tdamaged\n".encode())
    refused(work, f"{IDS[-1]} of the dataset was left out (damaged)")


def test_runs_that_cannot_be_submitted(work: Path) -> None:
    refused(work, "must end in .tar, .tar.gz, .tgz", arguments=("-o", "out.zip"))
    refused(
        work,
        "cannot be written",
        arguments=("-o", str(work / "results" / "runs" / "voc-0a1b2c" / "artifacts.tsv" / "x.tar")),
    )
    write = work / "results" / "runs" / "voc-0a1b2c" / "artifacts.tsv"
    for data, told in (
        ({"kind": "synthetic"}, "of another dataset"),
        ({"kind": "voc12"}, "set data.lists.test to test"),
        ({"kind": "voc12", "gone": 1}, "another version of wsss"),
    ):
        write.unlink()
        write_page(work, data)
        refused(work, told)
    replaced(write, b"stage\tpath\tsettings\n")
    refused(work, "artifacts.tsv is not as it was made")
    made_anew(write, b"stage\tpath\tsettings\ndata\t../../etc\t{}\n")
    refused(work, "line 2 is damaged")
    write.unlink()
    refused(work, "has no artifacts.tsv")
    found = run("gone")
    assert found.exit_code == 1
    assert "no run at gone" in found.stderr


def test_classes_that_the_run_does_not_know_are_told(work: Path) -> None:
    (work / "results" / "runs" / "voc-0a1b2c" / "artifacts.tsv").unlink()
    known = {name: value for value, name in enumerate(VOC_CLASSES, 1) if name != "sofa"}
    write_page(work, {"kind": "voc12", "lists": {"test": "test"}, "classes": known})
    found = run("voc-0a1b2c")
    assert found.exit_code == 0
    assert "does not know sofa: their IoU will be 0" in found.stdout

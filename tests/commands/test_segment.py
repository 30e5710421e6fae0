"""`wsss segment`: the workflow's own bytes, all kinds of photographs, mistakes, and interrupted work."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import wsss
from tests.commands.conftest import CLASSES, Made
from wsss.cli import app
from wsss.commands import segment as module
from wsss.commands.segment import Wanted, segment
from wsss.commands.segmenter import Segmenter
from wsss.commands.tiles import grid_of
from wsss.data.images import read_labels
from wsss.errors import WsssError
from wsss.manifests.listed_files import ListedFiles
from wsss.reporting.masks import write_masks
from wsss.segmentation.prediction import write_score_shard
from wsss.segmentation.prediction_labels import write_crf_shard, write_plain_shard
from wsss.stores.label_images import label_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["segment", *map(str, arguments)])


def contents(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def workflow(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the workflow makes of the photographs: labels, plain and with CRF, and masks for people."""
    folder, ids = tmp_path_factory.mktemp("workflow"), made.dataset.ids("val")
    write_score_shard(
        made.dataset, ids, made.weights, made.run.segmentation, made.run.prediction, folder, folder / "val.tsv"
    )
    write_plain_shard(
        made.dataset, ids, ListedFiles(folder / "val.tsv"), folder / "plain", folder / "plain" / "val.tsv"
    )
    settings = made.run.prediction_labels
    write_crf_shard(
        made.dataset, ids, ListedFiles(folder / "val.tsv"), settings, folder / "crf", folder / "crf" / "val.tsv"
    )
    for kind in ("plain", "crf"):
        write_masks(made.dataset, {"val": ListedFiles(folder / kind / "val.tsv")}, folder / "masks" / kind, 1)
    return folder


@pytest.mark.parametrize("kind", ["plain", "crf"])
def test_the_bytes_are_those_of_the_workflow(made: Made, workflow: Path, tmp_path: Path, kind: str) -> None:
    found = run(made.model, made.photographs, "-o", tmp_path, "--overlay", "--crf" if kind == "crf" else "--no-crf")
    assert found.exit_code == 0, found.output
    masks = workflow / "masks" / kind
    for below in ("labels", "overlays"):
        assert contents(tmp_path / below) == contents(masks / below)
    assert (tmp_path / "labels.json").read_bytes() == (masks / "labels.json").read_bytes()
    # The dataset has photographs that are worked on at their own size. Their stages' files are the same too.
    same = [row for row in made.dataset.index.values() if row.size == row.full_size]
    assert len(same) == 5
    for row in same:
        name = Path(row.file.removeprefix("dataset/")).with_suffix(".png")
        assert (tmp_path / "labels" / name).read_bytes() == label_path(workflow / kind, row.id).read_bytes()
    assert len({bytes(np.unique(read_labels(path))) for path in (tmp_path / "labels").rglob("*.png")}) > 1


def test_shares_are_those_of_the_label_images(usual: Made, tmp_path: Path) -> None:
    run(usual.model, usual.photographs, "-o", tmp_path, "--no-crf")
    with (tmp_path / "index.csv").open(newline="") as file:
        rows = {row["photograph"]: row for row in csv.DictReader(file)}
    assert set(rows) == {row.file.removeprefix("dataset/") for row in usual.dataset.index.values()}
    for row in rows.values():
        labels = read_labels(tmp_path / row["labels"])
        for name, value in CLASSES.items():
            assert float(row[f"share of {name}"]) == pytest.approx(np.mean(labels == value), abs=6e-5)


def test_probabilities_have_the_order_of_the_legend(made: Made, tmp_path: Path) -> None:
    run(made.model, made.photographs / "plain.jpg", "-o", tmp_path, "--probabilities")
    found = np.load(tmp_path / "probabilities" / "plain.npy")
    legend = json.loads((tmp_path / "labels.json").read_text())
    values = [int(value) for value in legend if value != "255"]
    labels = read_labels(tmp_path / "labels" / "plain.png")
    assert found.shape == (len(values), *labels.shape)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found.sum(axis=0, dtype=np.float32), 1, atol=3e-3)
    # Half precision makes some pixels ties.
    assert np.mean(np.array(values)[found.argmax(axis=0)] == labels) > 0.99


def test_bad_photographs_are_named_and_the_others_are_made(usual: Made, photographs: Path, tmp_path: Path) -> None:
    (photographs / "cut.jpg").write_bytes((photographs / "plain.jpg").read_bytes()[:200])
    (photographs / "text.png").write_text("no image")
    Image.new("RGB", (9, 9)).save(
        photographs / "moving.webp", save_all=True, append_images=[Image.new("RGB", (9, 9), "red")]
    )
    found = run(usual.model, photographs, "-o", tmp_path / "out", "--no-crf")
    assert found.exit_code == 1
    errors = [line for line in found.stderr.splitlines() if line.startswith("error: ")]
    assert [name in line for name, line in zip(["cut.jpg", "moving.webp", "text.png"], errors, strict=False)] == [
        True
    ] * 3
    assert errors[3:] == ["error: 3 of 10 photographs could not be segmented"]
    assert not [line for line in errors if "data.on_bad_image" in line]
    assert "segmented: 7;" in found.stdout
    assert len(list((tmp_path / "out" / "labels").rglob("*.png"))) == 7


class Stopped(BaseException):
    """Stands for a signal."""


def test_interrupted_work_goes_on_where_it_was(
    usual: Made, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[str] = []

    class Counting(Segmenter):
        stop_after = 4

        def score(self, photograph):  # type: ignore[no-untyped-def]
            if len(scored) == self.stop_after:
                raise Stopped
            scored.append(photograph.path.name)
            return super().score(photograph)

    monkeypatch.setattr(module, "Segmenter", Counting)
    out, wanted = tmp_path / "out", Wanted(crf=False, overlay=True)
    with pytest.raises(Stopped):
        list(segment(str(usual.model), [str(photographs)], out, wanted))
    assert not (out / "index.csv").exists()
    finished = len(list((out / "labels").rglob("*.png")))
    assert 1 <= finished <= 4
    with (out / ".segmented.jsonl").open("a") as file:
        file.write('{"photograph": "cut o')
    scored.clear()
    Counting.stop_after = 99
    *_, told = segment(str(usual.model), [str(photographs)], out, wanted)
    assert 3 <= len(scored) <= 6
    assert f"segmented: 7, of which {7 - len(scored)} were there before;" in told
    afresh = tmp_path / "afresh"
    list(segment(str(usual.model), [str(photographs)], afresh, wanted))
    journal = ".segmented.jsonl"
    assert {name: content for name, content in contents(out).items() if name != journal} == {
        name: content for name, content in contents(afresh).items() if name != journal
    }
    # Only what was replaced, lost or is newly wanted is made again.
    scored.clear()
    Image.open(photographs / "deep.png").transpose(Image.Transpose.ROTATE_180).save(photographs / "deep.png")
    (out / "labels" / "clear.png").unlink()
    list(segment(str(usual.model), [str(photographs)], out, wanted))
    assert scored == ["clear.png", "deep.png"]
    scored.clear()
    list(segment(str(usual.model), [str(photographs)], out, Wanted(crf=False, probabilities=True)))
    assert len(scored) == 7


def test_the_file_of_a_format_holds_all_photographs_also_of_earlier_calls(
    usual: Made, photographs: Path, tmp_path: Path
) -> None:
    (photographs / "cut.jpg").write_bytes((photographs / "plain.jpg").read_bytes()[:200])
    out = tmp_path / "out"
    assert run(usual.model, photographs / "*.png", "-o", out, "--no-crf").exit_code == 0
    before = (out / "labels" / "deep.png").stat().st_mtime_ns
    shutil.move(out / "labels" / "deep.png", out / "deep.png")
    found = run(usual.model, photographs, "-o", out, "--no-crf", "--format", "coco")
    assert found.exit_code == 1
    assert f"annotations: {out / 'annotations.json'}" in found.stdout
    assert (out / "labels" / "deep.png").stat().st_mtime_ns != before
    content = json.loads((out / "annotations.json").read_text())
    assert [one["id"] for one in content["categories"]] == sorted(CLASSES.values())
    with (out / "index.csv").open(newline="") as file:
        rows = {row["photograph"]: row for row in csv.DictReader(file)}
    assert [one["file_name"] for one in content["images"]] == list(rows)
    assert len(rows) == 7
    for image in content["images"]:
        labels = read_labels(out / rows[image["file_name"]]["labels"])
        assert (image["height"], image["width"]) == labels.shape
        areas = {one["category_id"]: one["area"] for one in content["annotations"] if one["image_id"] == image["id"]}
        assert areas == {value: count for value in CLASSES.values() if (count := int((labels == value).sum()))}
    # Nothing is made again for another format.
    kept = {name: content for name, content in contents(out).items() if name != ".segmented.jsonl"}
    for name, file_name in (("cvat", "annotations.xml"), ("labelstudio", "tasks.json")):
        found = run(usual.model, photographs, "-o", out, "--no-crf", "--format", name)
        assert "segmented: 7, of which 7 were there before" in found.stdout
        assert (out / file_name).is_file()
    assert {name: content for name, content in contents(out).items() if name in kept} == kept


def test_other_folders_photographs_of_the_same_name_are_not_taken_for_made(
    usual: Made, photographs: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Image.open(photographs / "plain.jpg").rotate(180).resize((33, 21)).save(other / "plain.jpg")
    for folder in (photographs, other):
        assert run(usual.model, folder / "plain.jpg", "-o", tmp_path / "out", "--no-crf").exit_code == 0
    assert read_labels(tmp_path / "out" / "labels" / "plain.png").shape == (21, 33)


def test_full_size_changes_only_large_photographs(made: Made, tmp_path: Path) -> None:
    large = [made.photographs / "Süd" / name for name in ("large.png", "large on its side.jpg")]
    for name, options in (("worked", []), ("full", ["--full-size", "--overlay"])):
        found = run(made.model, made.photographs / "plain.jpg", *large, "-o", tmp_path / name, *options)
        assert found.exit_code == 0, found.output
    worked, full = (contents(tmp_path / name / "labels") for name in ("worked", "full"))
    assert worked["plain.png"] == full["plain.png"]
    for photograph in large:
        name = f"Süd/{photograph.stem}.png"
        assert worked[name] != full[name]
        labels = read_labels(tmp_path / "full" / "labels" / name)
        assert labels.shape == read_labels(tmp_path / "worked" / "labels" / name).shape
        assert set(np.unique(labels)) <= {*CLASSES.values()} | ({0} if made.dataset.has_background else set())
    segmented = wsss.load_segmenter(made.model).predict(large[1], full_size=True)
    np.testing.assert_array_equal(segmented.labels, labels)
    with pytest.raises(WsssError, match="in tiles"):
        print(segmented.probabilities)


def test_far_from_other_tiles_a_tile_has_its_own_labels(usual: Made, tmp_path: Path) -> None:
    """A tile that is cut out of a photograph and segmented by itself."""
    large = np.random.default_rng(0).integers(0, 256, (9, 12, 3)).astype(np.uint8)
    photograph = Image.fromarray(large).resize((120, 90))
    photograph.save(tmp_path / "large.png")
    grid = grid_of((90, 120), usual.run.data.max_pixels)
    assert (len(grid.rows), len(grid.columns)) == (2, 3)
    left, top, right, bottom = list(grid.boxes())[4]
    photograph.crop((left, top, right, bottom)).save(tmp_path / "tile.png")
    segmenter = wsss.load_segmenter(usual.model)
    whole = segmenter.predict(tmp_path / "large.png", full_size=True).labels
    tile = segmenter.predict(tmp_path / "tile.png").labels
    inside = slice(grid.overlap, -grid.overlap)
    np.testing.assert_array_equal(whole[top:bottom, left:right][grid.overlap :, inside], tile[grid.overlap :, inside])
    assert len(np.unique(tile)) > 1


def test_full_size_is_another_way_to_make_masks(usual: Made, tmp_path: Path) -> None:
    photograph = usual.photographs / "plain.jpg"
    assert run(usual.model, photograph, "-o", tmp_path, "--no-crf", "--full-size").exit_code == 0
    found = run(usual.model, photograph, "-o", tmp_path, "--no-crf")
    assert (found.exit_code, "another choice of --crf or --full-size" in found.stderr) == (1, True)
    found = run(usual.model, photograph, "-o", tmp_path, "--full-size", "--probabilities")
    assert (found.exit_code, "exclude each other" in found.stderr) == (1, True)


def test_a_folder_of_other_masks_is_refused(usual: Made, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(usual.model, photographs / "plain.jpg", "-o", out).exit_code == 0
    before = contents(out)
    found = run(usual.model, photographs / "plain.jpg", "-o", out, "--no-crf")
    assert (found.exit_code, contents(out)) == (1, before)
    assert "another choice of --crf" in found.stderr
    (out / ".segmented.jsonl").unlink()
    found = run(usual.model, photographs / "plain.jpg", "-o", out)
    assert found.exit_code == 1
    assert "has not made" in found.stderr


def test_places_of_photographs(usual: Made, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns, doubles, a folder of masks among the photographs, and other files."""
    monkeypatch.chdir(photographs)
    (photographs / "notes.txt").write_text("x")
    (photographs / "IMG.HEIC").write_bytes(b"x")
    for _ in range(2):
        found = run(usual.model, "**/*", ".", "../photographs/plain.jpg", "-o", "out", "--no-crf", "--overlay")
        assert found.exit_code == 0, found.output
        assert "not read: 1 .heic" in found.stdout
        assert len(list((photographs / "out" / "labels").rglob("*.png"))) == 7
    assert (photographs / "out" / "labels" / "Süd" / "IMG 1.png").is_file()


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("gone.jpg", "no photograph at gone.jpg: there is nothing"),
        ("*.txt", r"no photograph at *.txt: 1 files there are no photographs"),
        ("empty", "no photograph in empty"),
        (".", "is both the folder of photographs and that of the masks"),
    ],
)
def test_places_without_photographs(
    usual: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("x")
    found = run(usual.model, place, "-o", ".")
    assert found.exit_code == 1
    assert told in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("named", ["mine-0a1b2c", "results/runs/mine-0a1b2c", "results/runs/mine-0a1b2c/model"])
def test_a_model_is_named_by_its_run(usual: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.chdir(usual.model.parents[4])
    assert run(named, usual.photographs / "plain.jpg", "-o", tmp_path / "out", "--no-crf").exit_code == 0


def test_what_is_no_model_is_told(usual: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(usual.model.parents[4])
    photograph = usual.photographs / "plain.jpg"
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / "metrics.json").write_text("[]")
    for named, told in (
        ("yours", "runs with a model: mine-0a1b2c"),
        (unfinished, "has no model yet: `snakemake model`"),
        (usual.weights, "does not say how it is used"),
    ):
        found = run(named, photograph, "-o", tmp_path / "out")
        assert found.exit_code == 1
        assert told in found.stderr
        assert len(found.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").touch()
    found = run(usual.model, photograph, "-o", tmp_path / "file" / "out")
    assert found.exit_code == 1
    assert "cannot be written" in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("name", ["labels.json", "labels/plain.png", "annotations.xml", "index.csv"])
def test_a_full_disk_is_told_in_one_line(usual: Made, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    (tmp_path / ".segmented.jsonl").write_text(json.dumps(Wanted(crf=False).maker(usual.model)) + "\n")
    # The file is written under this name first.
    path.with_name(f".{path.name}.{os.getpid()}.tmp").symlink_to("/dev/full")
    found = run(usual.model, usual.photographs / "plain.jpg", "-o", tmp_path, "--no-crf", "--format", "cvat")
    assert found.exit_code == 1
    assert f"no space left while writing {path}" in found.stderr
    assert [line.startswith("error: ") for line in found.stderr.splitlines() if "photographs in" not in line] == [True]
    assert not path.exists()


def test_folders_that_cannot_be_written_are_told_in_one_line(usual: Made, tmp_path: Path) -> None:
    photograph, file = usual.photographs / "plain.jpg", tmp_path / "file"
    file.touch()
    found = run(usual.model, photograph, "-o", file)
    assert (found.exit_code, isinstance(found.exception, SystemExit)) == (2, True)
    assert "is a file" in " ".join(found.stderr.replace("│", "").split())
    (tmp_path / "out" / "annotations.json").mkdir(parents=True)
    found = run(usual.model, photograph, "-o", tmp_path / "out", "--no-crf", "--format", "coco")
    assert (found.exit_code, isinstance(found.exception, SystemExit)) == (1, True)
    assert "cannot be written (Is a directory)" in found.stderr


def test_the_library_gives_what_the_command_writes(made: Made, tmp_path: Path) -> None:
    photograph = made.photographs / "Süd" / "large on its side.jpg"
    run(made.model, photograph, "-o", tmp_path, "--overlay")
    segmented = wsss.load_segmenter(made.model).predict(str(photograph))
    np.testing.assert_array_equal(segmented.labels, read_labels(tmp_path / "labels" / f"{photograph.stem}.png"))
    ground = [] if not made.dataset.has_background else [(0, "background")]
    assert list(segmented.names.items()) == [*ground, (3, "cow"), (8, "cat"), (12, "dog")]
    assert segmented.probabilities.shape[0] == len(segmented.names)
    np.testing.assert_allclose(segmented.probabilities.sum(axis=0), 1, atol=1e-5)
    assert segmented.overlay().size == segmented.labels.shape[::-1] == (130, 90)
    assert segmented.shares == {name: np.mean(segmented.labels == value) for name, value in CLASSES.items()}
    plain = wsss.load_segmenter(made.model.parent).predict(made.photographs / "plain.jpg", crf=False)
    order = np.array(list(plain.names))
    np.testing.assert_array_equal(order[plain.probabilities.argmax(axis=0)], plain.labels)
    with pytest.raises(WsssError, match="missing image"):
        wsss.load_segmenter(made.model).predict("gone.jpg")


def test_names_that_are_no_text_are_refused(usual: Made, photographs: Path, tmp_path: Path) -> None:
    odd = photographs / os.fsdecode(b"b\xffd.jpg")
    (photographs / "plain.jpg").rename(odd)
    found = CliRunner().invoke(app, ["segment", str(usual.model), str(odd), "-o", str(tmp_path / "out")])
    assert found.exit_code == 1
    assert "is no UTF-8: rename it" in found.stderr

"""`wsss evaluate`: against a count pixel by pixel, how files are matched, and mistakes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from wsss.cli import app
from wsss.commands.evaluate import evaluate
from wsss.data.images import write_labels
from wsss.errors import WsssError

VALUES = [0, 3, 8, 12]
NAMES = {0: "background", 3: "cow", 8: "cat", 12: "dog"}
PATHS = ["a.png", "b/c.png", "d.png"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def write_legend(path: Path) -> None:
    named = {str(value): {"name": name, "colour": [0, 0, 0]} for value, name in NAMES.items()}
    path.write_text(json.dumps({**named, "255": {"name": "ignored", "colour": [0, 0, 0]}}))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Predictions and masks of three images. 12 is not in the masks, and some predicted pixels are 255."""
    rng = np.random.default_rng(0)
    for number, path in enumerate(PATHS):
        size = (5 + number, 7)
        write_labels(tmp_path / "truth" / path, rng.choice([0, 3, 8, 255], size).astype(np.uint8))
        write_labels(tmp_path / "predicted" / path, rng.choice([*VALUES, 255], size).astype(np.uint8))
    return tmp_path / "predicted", tmp_path / "truth"


def counted(predicted: Path, truth: Path, ground: bool) -> tuple[dict[int, float | None], float, float]:
    """IoU by value, their mean, and pixel accuracy, from a loop over pixels. 255 is background, or else no class."""
    both, either, there = dict.fromkeys(VALUES, 0), dict.fromkeys(VALUES, 0), dict.fromkeys(VALUES, 0)
    right = every = 0
    for path in PATHS:
        one, two = (np.asarray(Image.open(folder / path)) for folder in (predicted, truth))
        for y in range(two.shape[0]):
            for x in range(two.shape[1]):
                mask, found = int(two[y, x]), int(one[y, x])
                if mask == 255:
                    continue
                found = 0 if found == 255 and ground else found
                every += 1
                right += mask == found
                for value in VALUES:
                    both[value] += mask == found == value
                    either[value] += value in (mask, found)
                    there[value] += mask == value
    iou = {value: both[value] / either[value] if there[value] else None for value in VALUES}
    present = [one for one in iou.values() if one is not None]
    return iou, sum(present) / len(present), right / every


@pytest.mark.parametrize("ground", [True, False])
def test_scores_are_those_of_a_count_pixel_by_pixel(folders: tuple[Path, Path], ground: bool) -> None:
    predicted, truth = folders
    if ground:
        write_legend(truth.parent / "labels.json")
    else:
        for path in PATHS:
            labels = np.array(Image.open(truth / path))
            labels[labels == 0] = 255
            write_labels(truth / path, labels)
    found = json.loads(run(predicted, truth, "--json").stdout)
    iou, mean, accuracy = counted(predicted, truth, ground)
    by_value = {one["value"]: one["iou"] for one in found["classes"]}
    assert by_value == pytest.approx(iou if ground else {value: iou[value] for value in (3, 8)})
    assert (found["miou"], found["pixel_accuracy"]) == pytest.approx((mean, accuracy))
    assert (found["images"], found["classes_in_truth"]) == (3, 3 if ground else 2)
    assert [one["name"] for one in found["classes"]] == ([*NAMES.values()] if ground else ["3", "8"])


def test_the_table_is_aligned(folders: tuple[Path, Path], tmp_path: Path) -> None:
    write_legend(tmp_path / "legend.json")
    found = run(*folders, "--classes", tmp_path / "legend.json")
    lines = found.stdout.splitlines()
    assert len({len(line) for line in lines[:6]}) == 1
    assert lines[5].split()[:3] == ["12", "dog", "–"]
    _, mean, accuracy = counted(*folders, ground=True)
    assert f"mIoU            {100 * mean:.1f}%  over 3 classes in the truth" in lines
    assert f"pixel accuracy  {100 * accuracy:.1f}%" in lines
    assert "predicted pixels are 255 (ignored): they count as background" in lines[-1]


def test_names_of_values_from_zero_on(tmp_path: Path) -> None:
    for folder, labels in (("predicted", [[0, 1, 1]]), ("truth", [[0, 1, 2]])):
        write_labels(tmp_path / folder / "a.png", np.array(labels, np.uint8))
    found = json.loads(
        run(tmp_path / "predicted", tmp_path / "truth", "--json", "--classes", "ground, cat, dog").stdout
    )
    assert [(one["name"], one["iou"]) for one in found["classes"]] == [("ground", 1.0), ("cat", 0.5), ("dog", 0.0)]


def test_files_are_matched_by_path_then_by_name(folders: tuple[Path, Path]) -> None:
    predicted, truth = folders
    wanted = run(predicted, truth, "--json").stdout
    (predicted / "elsewhere").mkdir()
    (predicted / "b" / "c.png").rename(predicted / "elsewhere" / "c.png")
    write_labels(predicted / "more.png", np.zeros((2, 2), np.uint8))
    assert run(predicted, truth, "--json").stdout == wanted
    write_labels(predicted / "b" / "c" / "c.png", np.zeros((2, 2), np.uint8))
    found = run(predicted, truth)
    assert found.exit_code == 1
    assert "may both be of the mask b/c.png" in found.stderr


def test_the_folder_of_masks_stands_for_its_labels(folders: tuple[Path, Path], tmp_path: Path) -> None:
    predicted, truth = folders
    write_legend(tmp_path / "legend.json")
    wanted = run(predicted, truth, "--json", "--classes", tmp_path / "legend.json").stdout
    (tmp_path / "masks").mkdir()
    predicted.rename(tmp_path / "masks" / "labels")
    write_legend(tmp_path / "masks" / "labels.json")
    write_labels(tmp_path / "masks" / "legend.png", np.zeros((2, 2), np.uint8))
    assert run(tmp_path / "masks", truth, "--json").stdout == wanted


def test_missing_predictions_are_named_and_a_list_leaves_them_out(folders: tuple[Path, Path], tmp_path: Path) -> None:
    predicted, truth = folders
    for path in ("b/c.png", "d.png"):
        (predicted / path).unlink()
    found = run(predicted, truth)
    assert found.exit_code == 1
    assert "2 of 3 masks" in found.stderr
    assert "the first is b/c.png: make them, or name the images to score with --list FILE" in found.stderr
    (tmp_path / "val.txt").write_text("a\n")
    assert json.loads(run(predicted, truth, "--list", tmp_path / "val.txt", "--json").stdout)["images"] == 1
    (tmp_path / "val.txt").write_text("a\nz\n")
    found = run(predicted, truth, "--list", tmp_path / "val.txt")
    assert "val.txt, line 2" in found.stderr


@pytest.mark.parametrize("ignored", ["8,0", "other"])
def test_values_of_the_truth_can_be_left_out(folders: tuple[Path, Path], tmp_path: Path, ignored: str) -> None:
    predicted, truth = folders
    (tmp_path / "legend.json").write_text(json.dumps({"3": {"name": "cow"}, "12": {"name": "dog"}}))
    for path in PATHS:
        labels = np.array(Image.open(predicted / path))
        labels[(labels == 0) | (labels == 8)] = 12
        write_labels(predicted / path, labels)
    arguments = (predicted, truth, "--classes", tmp_path / "legend.json", "--json")
    assert run(*arguments).exit_code == 1
    found = json.loads(run(*arguments, "--ignore", ignored).stdout)
    masks, labels = (np.concatenate([np.ravel(Image.open(one / path)) for path in PATHS]) for one in (truth, predicted))
    assert found["pixel_accuracy"] == pytest.approx(np.mean(labels[masks == 3] == 3))
    assert [one["truth_pixels"] for one in found["classes"]] == [np.sum(masks == 3), 0]


def test_mistakes_are_told_in_one_line(folders: tuple[Path, Path], tmp_path: Path) -> None:
    predicted, truth = folders
    (tmp_path / "broken.json").write_text('["cat"]')
    (tmp_path / "empty").mkdir()
    write_labels(tmp_path / "sizes" / "a.png", np.zeros((3, 3), np.uint8))
    write_labels(tmp_path / "void" / "a.png", np.full((5, 7), 255, np.uint8))
    Image.new("RGB", (7, 5)).save(tmp_path / "void" / "colours.png")
    (tmp_path / "one.txt").write_text("a\n")
    only = ("--list", tmp_path / "one.txt")
    for arguments, told in (
        ((predicted, truth, "--classes", "a,b,c,d"), "which is no class: correct --classes"),
        ((predicted, truth, "--ignore", "cow"), "--ignore: values of 0..255"),
        ((predicted, truth, "--ignore", "other"), "--ignore other: nothing says which values are classes"),
        ((predicted, truth, "--classes", "a,,b"), "--classes: name each value once"),
        ((predicted, truth, "--classes", tmp_path / "broken.json"), "broken.json cannot be read as names of values"),
        ((predicted, tmp_path / "gone"), "gone is no folder of label images"),
        ((tmp_path / "empty", truth), "empty holds no label images"),
        ((tmp_path / "sizes", truth, *only), "has 3 x 3 pixels and"),
        ((predicted, tmp_path / "void", *only), "nothing to score"),
        ((tmp_path / "void", tmp_path / "void"), "colours.png is an image of mode RGB"),
    ):
        found = run(*arguments)
        assert found.exit_code == 1
        assert told in found.stderr
        assert len(found.stderr.strip().splitlines()) == 1


def arrays(folder: Path) -> list[np.ndarray]:
    return [np.array(Image.open(folder / path)) for path in PATHS]


def test_arrays_are_scored_as_folders_are(folders: tuple[Path, Path], tmp_path: Path) -> None:
    write_legend(tmp_path / "legend.json")
    predicted, truth = folders
    found = evaluate(str(predicted), str(truth), str(tmp_path / "legend.json"))
    iou, mean, accuracy = counted(predicted, truth, ground=True)
    assert found.iou == pytest.approx({NAMES[value]: one for value, one in iou.items()})
    assert (found.miou, found.pixel_accuracy) == pytest.approx((mean, accuracy))
    assert str(found) == repr(found) == "\n".join(found.lines())
    for one, two in ((arrays(predicted), arrays(truth)), (iter(arrays(predicted)), iter(arrays(truth)))):
        of_arrays = evaluate(one, two, NAMES)
        np.testing.assert_array_equal(of_arrays.matrix, found.matrix)
        assert (of_arrays.iou, of_arrays.images, of_arrays.ignored) == (found.iou, 3, found.ignored)
    alone = evaluate(arrays(predicted)[0].astype(np.int64), arrays(truth)[0], NAMES)
    assert alone.images == 1
    assert 0 < alone.matrix.sum() < found.matrix.sum()


def test_names_and_values_as_lists(folders: tuple[Path, Path]) -> None:
    labels = np.array([[0, 1, 2]])
    assert evaluate(labels, labels, ["ground", "cat", "dog"]).iou == {"ground": 1.0, "cat": 1.0, "dog": 1.0}
    assert evaluate(labels, labels, ["ground", "cat"], ignored=[2]).iou == {"ground": 1.0, "cat": 1.0}
    wanted = evaluate(*folders, ignored="0,8")
    np.testing.assert_array_equal(evaluate(*folders, ignored=[0, 8]).matrix, wanted.matrix)


ARRAY = np.zeros((2, 3), np.int64)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((ARRAY, "truth"), "both folders, or both arrays"),
        ((Path("predicted"), [ARRAY]), "both folders, or both arrays"),
        ((3, 4), "both folders, or both arrays"),
        (([ARRAY], [ARRAY, ARRAY]), "predictions are 1 arrays and truth is 2"),
        ((ARRAY, ARRAY[1:]), r"predictions, array 0 has 2 x 3 pixels and truth, array 0 has 1 x 3"),
        ((ARRAY / 2, ARRAY), "predictions, array 0 must be .* integer .* is float64"),
        ((ARRAY, ARRAY + 256), r"truth, array 0 holds 256\.\.256, and values are 0\.\.255"),
        ((ARRAY - 1, ARRAY), r"predictions, array 0 holds -1\.\.-1"),
        ((ARRAY, ARRAY, {1: "cat"}), "truth, array 0 holds the value 0, which is no class"),
        ((ARRAY, ARRAY, {0: "cat", 1: "cat"}), "cat is the name of two values"),
        ((ARRAY, ARRAY, {256: "cat"}), r"classes: values of classes are 0\.\.254"),
        ((ARRAY, ARRAY, Path("gone.txt")), "gone.txt cannot be read as names"),
        (([], []), "nothing to score"),
        ((ARRAY, ARRAY + 255), "truth: nothing to score"),
    ],
)
def test_wrong_arrays_are_told_in_one_line(given: tuple[Any, ...], told: str) -> None:
    with pytest.raises(WsssError, match=told) as caught:
        evaluate(*given)
    assert "\n" not in str(caught.value)

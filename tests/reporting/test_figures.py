"""Figures are looked at as pixels: what they must show is there, and equal input gives equal bytes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss.data.images import voc_palette
from wsss.data.label_values import LabelValues
from wsss.errors import WsssError
from wsss.evaluation.thresholds import CurvePoint
from wsss.reporting.figures import PanelRow, _legend, draw_panels, draw_threshold_curve, draw_training_curve

VALUES = LabelValues({"dog": 1, "$cat": 2, "_cow$": 10}, {})


def curve(*values: float) -> list[CurvePoint]:
    return [CurvePoint(background_score=i / 10, miou=value, per_class={}) for i, value in enumerate(values)]


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def count(picture: np.ndarray, colour: np.ndarray | list[int]) -> int:
    return int((np.abs(picture - np.asarray(colour)).max(axis=-1) <= 2).sum())


def row(name: str, **maps: np.ndarray) -> PanelRow:
    return PanelRow(name, np.full((30, 41, 3), 77, np.uint8), **maps)


def test_threshold_curve_is_the_same_twice_and_follows_its_input(tmp_path: Path) -> None:
    for name, top in (("a", 0.5), ("b", 0.5), ("c", 0.6)):
        draw_threshold_curve({"train": curve(0.2, top, 0.3), "val": curve(0.1)}, 0.14, tmp_path / f"{name}.png")
    first, second, other = (tmp_path.joinpath(f"{name}.png").read_bytes() for name in "abc")
    assert first == second
    assert first != other
    assert b"Software" not in first
    assert b"Date" not in first


def test_panels_show_labels_in_their_colours_and_ignored_pixels_white(tmp_path: Path) -> None:
    cow = np.full((30, 41), 3, np.uint8)
    half = cow.copy()
    half[:, :20] = 255
    for name, truth in (("whole", cow), ("half", half)):
        draw_panels([row("x", truth=truth)], VALUES, tmp_path / f"{name}.png")
    whole, masked = pixels(tmp_path / "whole.png"), pixels(tmp_path / "half.png")
    shown = count(whole, voc_palette()[10])
    assert shown > 10_000
    assert 0.45 * shown < count(masked, voc_palette()[10]) < 0.6 * shown
    assert count(masked, voc_palette()[255]) < 100


def test_heat_is_the_strongest_cam_over_the_image(tmp_path: Path) -> None:
    cams = np.zeros((2, 30, 41), np.float32)
    cams[1] = 1
    draw_panels([row("x", cams=cams)], VALUES, tmp_path / "hot.png")
    draw_panels([row("x", cams=cams[:0])], VALUES, tmp_path / "cold.png")
    dark_red, dark_blue = [int(0.5 * 127.5 + 38.5), 38, 38], [38, 38, int(0.5 * 127.5 + 38.5)]
    assert count(pixels(tmp_path / "hot.png"), dark_red) > 10_000
    assert count(pixels(tmp_path / "cold.png"), dark_blue) > 10_000


def test_missing_columns_leave_cells_empty_and_sizes_may_differ(tmp_path: Path) -> None:
    labels = np.ones((30, 41), np.uint8)
    whole = row("2007_000032", cams=np.ones((1, 30, 41), np.float32), pseudo_label=labels, prediction=labels)
    tall = PanelRow("tall $", np.zeros((50, 9, 3), np.uint8), truth=np.full((50, 9), 2, np.uint8))
    for name in "ab":
        draw_panels([whole, tall], VALUES, tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert count(pixels(tmp_path / "a.png"), voc_palette()[2]) > 1_000


def test_panels_of_no_image_say_so(tmp_path: Path) -> None:
    draw_panels([], VALUES, tmp_path / "none.png")
    assert pixels(tmp_path / "none.png").min() < 100


def test_legend_names_the_classes_that_are_shown() -> None:
    labels = np.array([[0, 2, 255]], np.uint8)
    shown = [patch.get_label() for patch in _legend([row("x", truth=labels)], VALUES)]
    assert shown == ["background", "$cat", "ignored"]


def test_training_curve_draws_every_log(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("step,lr,image,word\n10,0.1,2.5,100\n20,0.05,1.5,0\n")
    (tmp_path / "b.csv").write_text("step,lr,loss\n10,0.1,2.5\n")
    for name in "xy":
        draw_training_curve({"classifier": tmp_path / "a.csv", "deeplab": tmp_path / "b.csv"}, tmp_path / f"{name}.png")
    draw_training_curve({"deeplab": tmp_path / "b.csv"}, tmp_path / "one.png")
    assert (tmp_path / "x.png").read_bytes() == (tmp_path / "y.png").read_bytes()
    assert pixels(tmp_path / "x.png").shape[1] == 2 * pixels(tmp_path / "one.png").shape[1]


@pytest.mark.parametrize(
    "content", [None, "", "step,lr,loss\n", "epoch,loss\n1,2\n", "step,loss\n1,x\n", "step,loss\n1\n"]
)
def test_log_that_is_none_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "training.csv").write_text(content)
    with pytest.raises(WsssError, match=r"training\.csv"):
        draw_training_curve({"classifier": tmp_path / "training.csv"}, tmp_path / "x.png")

"""Figures of a run: threshold curves, qualitative panels, training curves. Equal input gives equal PNG bytes."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from wsss.data.images import IGNORE, voc_palette
from wsss.data.label_values import BACKGROUND, LabelValues
from wsss.errors import WsssError
from wsss.evaluation.comparison import Line
from wsss.evaluation.thresholds import CurvePoint, best
from wsss.files import write_bytes

PANEL_COLUMNS = ("image", "CAM", "pseudo label", "prediction", "truth")
DOTS_PER_INCH = 110


@dataclass(frozen=True)
class PanelRow:
    """One image of the panels. A value of None is shown as an empty cell.

    `image`: uint8 (h, w, 3), RGB; `cams`: float32 (n, h, w) in 0..1, n may be 0; the others: uint8 labels (h, w).
    """

    image_id: str
    image: np.ndarray
    cams: np.ndarray | None = None
    pseudo_label: np.ndarray | None = None
    prediction: np.ndarray | None = None
    truth: np.ndarray | None = None


def draw_threshold_curve(curves: Mapping[str, Sequence[CurvePoint]], chosen: float, path: Path) -> None:
    """Write a PNG of mean IoU over the background score, one line for each split of `curves`, with `chosen` marked."""
    figure = Figure(figsize=(7.0, 4.0), layout="constrained", dpi=DOTS_PER_INCH)
    axes = figure.add_subplot()
    for name, curve in curves.items():
        top = best(curve)
        where, height = top["background_score"], 100 * top["miou"]
        scores = [point["background_score"] for point in curve]
        label = f"{name} (highest: {height:.1f} at {where:g})"
        (line,) = axes.plot(scores, [100 * point["miou"] for point in curve], linewidth=2, label=label)
        axes.plot([where], [height], "o", color=line.get_color(), markersize=7)
    axes.axvline(chosen, color="0.25", linestyle="--", linewidth=1.2, label=f"background score of this run: {chosen:g}")
    axes.set(xlabel="background score", ylabel="mIoU (%)")
    _style_axes(axes)
    axes.legend(framealpha=0.85, edgecolor="none", fontsize=9)
    save_figure(figure, path)


def draw_panels(rows: Sequence[PanelRow], values: LabelValues, path: Path) -> None:
    """Write a row of pictures for each image, with a legend of the classes shown, as a PNG.

    Classes have the colours of their values, as in label images. The strongest CAM of each pixel is drawn over the
    image. Ignored pixels (255) are white. Without images the PNG says so.
    """
    if not rows:
        figure = Figure(figsize=(4, 1), dpi=DOTS_PER_INCH)
        figure.text(0.5, 0.5, "no images", ha="center", va="center")
        save_figure(figure, path)
        return
    figure = Figure(figsize=(2.2 * len(PANEL_COLUMNS), 1.85 * len(rows) + 0.8), layout="constrained", dpi=DOTS_PER_INCH)
    grid = figure.subplots(len(rows), len(PANEL_COLUMNS), squeeze=False)
    for line, row in zip(grid, rows, strict=True):
        pictures = (row.image, _heat(row), *(_coloured(labels, values) for labels in _label_maps(row)))
        for axes, picture in zip(line, pictures, strict=True):
            _show(axes, picture, row.image.shape)
        line[0].set_ylabel(row.image_id, fontsize=8, parse_math=False)
    for axes, title in zip(grid[0], PANEL_COLUMNS, strict=True):
        axes.set_title(title, fontsize=10)
    legend = figure.legend(
        handles=_legend(rows, values), loc="outside lower center", ncols=7, frameon=False, fontsize=9
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    save_figure(figure, path)


def draw_training_curve(logs: Mapping[str, Path], path: Path) -> None:
    """Write each loss over the steps, a plot for each network of `logs` (name to training.csv), as a PNG.

    A training.csv has the columns step and lr; all other columns are losses. Raises WsssError if a file is missing or
    is not a training.csv.
    """
    figure = Figure(figsize=(4.2 * len(logs), 3.4), layout="constrained", dpi=DOTS_PER_INCH)
    for axes, (name, log) in zip(figure.subplots(1, len(logs), squeeze=False)[0], logs.items(), strict=True):
        columns = _read_log(log)
        steps = columns.pop("step")
        columns.pop("lr", None)
        for loss, values in columns.items():
            axes.plot(steps, values, linewidth=1.6, label=loss, marker="." if len(steps) < 3 else None)
        # Losses of one network differ by orders of magnitude.
        axes.set_yscale("log", nonpositive="mask")
        axes.set(title=name, xlabel="step", ylabel="loss")
        _style_axes(axes)
        axes.legend(framealpha=0.85, edgecolor="none", fontsize=9)
    save_figure(figure, path)


def draw_comparison(lines: Sequence[Line], path: Path) -> None:
    """Write a PNG by split, with each row's mean as a line, its seeds as dots and a paper's figure as a diamond."""
    splits = list(dict.fromkeys(line.split for line in lines))
    rows = list(dict.fromkeys(line.row for line in lines))
    place = {row: number for number, row in enumerate(rows)}
    size = (4.6 * len(splits), 1.2 + 0.42 * len(rows))
    figure = Figure(figsize=size, layout="constrained", dpi=DOTS_PER_INCH)
    for axes, split in zip(figure.subplots(1, len(splits), squeeze=False, sharey=True)[0], splits, strict=True):
        shown = [line for line in lines if line.split == split]
        for line in shown:
            axes.plot(line.mean, place[line.row], "|", color="#7fb3b8", markersize=22, markeredgewidth=3)
            axes.plot(line.scores, [place[line.row]] * len(line.scores), "o", color="#0b6e75", markersize=4.5)
        figures = {line.row: line.published for line in shown if line.published is not None}
        if figures:
            axes.plot(
                [*figures.values()],
                [place[row] for row in figures],
                "D",
                color="#c2571a",
                fillstyle="none",
                label="published",
            )
            axes.legend(framealpha=0.85, edgecolor="none", fontsize=8)
        every = [*figures.values(), *(score for line in shown for score in line.scores)]
        margin = 0.25 * max(max(every) - min(every), 1.0)
        axes.set_xlim(max(min(every) - margin, 0), max(every) + margin)
        axes.set(title=split, xlabel="mIoU (%)")
        _style_axes(axes)
    # Signs such as $ in the name of a row are no formulas.
    axes.set_yticks(range(len(rows)), rows, parse_math=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    save_figure(figure, path)


def _read_log(path: Path) -> dict[str, list[float]]:
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        columns = {name: [float(row[name]) for row in rows] for name in rows[0]}
    except FileNotFoundError:
        raise WsssError(f"missing training log: {path}; run the training again") from None
    except (IndexError, ValueError, TypeError) as error:
        raise WsssError(f"{path} is no training log ({error}); run the training again") from None
    if "step" not in columns:
        raise WsssError(f"{path} is no training log (no column step); run the training again")
    return columns


def _label_maps(row: PanelRow) -> tuple[np.ndarray | None, ...]:
    return row.pseudo_label, row.prediction, row.truth


def _coloured(labels: np.ndarray | None, values: LabelValues) -> np.ndarray | None:
    if labels is None:
        return None
    palette = voc_palette()
    palette[IGNORE] = 255
    colours: np.ndarray = palette[values.values[labels]]
    return colours


def _heat(row: PanelRow) -> np.ndarray | None:
    """The strongest CAM of each pixel over the image: float (h, w, 3) in 0..1."""
    return None if row.cams is None else heat_over(row.image, row.cams.max(axis=0, initial=0.0))


def heat_over(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A map as colours, half transparent over an image.

    Parameters
    ----------
    image : np.ndarray
        uint8 (h, w, 3), RGB.
    heat : np.ndarray
        float (h, w) in 0..1.

    Returns
    -------
    np.ndarray
        float (h, w, 3) in 0..1, RGB.
    """
    colours: np.ndarray = colormaps["jet"](np.clip(heat, 0, 1))[..., :3]
    return 0.5 * colours + 0.5 * image / 255


def _show(axes: Axes, picture: np.ndarray | None, shape: tuple[int, ...]) -> None:
    axes.set(xticks=[], yticks=[])
    if picture is None:
        axes.text(0.5, 0.5, "–", ha="center", va="center", transform=axes.transAxes, fontsize=14, color="0.5")
        axes.spines[:].set_visible(False)
        axes.set_box_aspect(shape[0] / shape[1])
    else:
        axes.imshow(picture, interpolation="nearest")
        axes.spines[:].set_color("0.8")


def _legend(rows: Sequence[PanelRow], values: LabelValues) -> list[Patch]:
    maps = [labels for row in rows for labels in _label_maps(row) if labels is not None]
    shown = {int(value) for labels in maps for value in np.unique(labels)}
    colours = [tuple(colour) for colour in voc_palette()[values.values] / 255]
    names = [BACKGROUND, *values.classes]
    patches = [Patch(color=colours[number], label=names[number]) for number in sorted(shown - {IGNORE})]
    if IGNORE in shown:
        patches.append(Patch(facecolor="white", edgecolor="0.6", label="ignored"))
    return patches


def _style_axes(axes: Axes) -> None:
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG. Equal figures give equal bytes."""
    buffer = io.BytesIO()
    # The library's version is left out of the file, so that equal figures give equal bytes.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_bytes(path, buffer.getvalue())

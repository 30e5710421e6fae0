"""The page is parsed as a browser would: every number is on it, nothing is loaded, names stay text."""

import base64
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wsss.data.index import SkippedImage
from wsss.errors import WsssError
from wsss.evaluation.metrics import Record, record
from wsss.evaluation.thresholds import CurvePoint
from wsss.reporting.figures import draw_threshold_curve
from wsss.reporting.report import summary_text, write_report

CLASSES = ["<b>", "cat", "absent"]
HEAD = ["stage", "split", "pseudo labels", "truth", "recovery ratio"]
VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Texts, tags with attributes, and the cells of each table row."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += data
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def records() -> list[Record]:
    rng = np.random.default_rng(0)

    def made(**facts: Any) -> Record:
        matrix = rng.integers(1, 50, (4, 4)) + np.diag([400, 200, 100, 0])
        matrix[3] = 0
        return record(matrix, CLASSES, images=7, **facts)

    return [
        made(
            stage="prediction_crf",
            split="val",
            post_processing="crf",
            supervision="pseudo_labels",
            initialisation="coco",
        ),
        made(stage="cam", split="val", threshold=0.16, threshold_from="train", initialisation="imagenet", seed=3),
        made(stage="cam", split="train", threshold=0.16, threshold_from="train", initialisation="imagenet", seed=3),
        made(stage="pseudo_label", split="train", threshold=0.25, threshold_from="config", initialisation="imagenet"),
    ]


def written(tmp_path: Path, metrics: list[Record], **changes: Any) -> str:
    figure = tmp_path / "curve.png"
    draw_threshold_curve({"train": [CurvePoint(background_score=0.1, miou=0.5, per_class={})]}, 0.1, figure)
    content: dict[str, Any] = {
        "title": "run <i>one</i>",
        "metrics": metrics,
        "bounds": [],
        "settings": {"classifier": {"optimiser": {"momentum": 0.9}, "words": "vwl_l", "none": None, "empty": {}}},
        "figures": {"Threshold <curve>": figure},
        "artifacts": [
            {"stage": "classifier", "path": "results/a&b/classifier.safetensors", "settings": "settings.json"}
        ],
        "facts": {"Dataset": "<script>alert(1)</script>"},
    }
    write_report(tmp_path / "report.html", **content | changes)
    return (tmp_path / "report.html").read_text()


def test_every_number_is_on_the_page_with_what_it_depends_on(tmp_path: Path) -> None:
    page = Page(written(tmp_path, records()))
    for item in records():
        score = f"{100 * item.miou:.1f}"
        (row,) = [cells for cells in page.rows if len(cells) == 10 and cells[2] == score and cells[1] == item.split]
        assert f"{100 * item.pixel_accuracy:.1f}" in row
        assert item.initialisation in row
        assert row[5] == ("yes" if item.post_processing == "crf" else "no")
        assert row[6].startswith("–" if item.threshold is None else f"{item.threshold:g}, ")
    for name in ["background", *CLASSES]:
        (cells,) = [cells for cells in page.rows if cells and cells[0] == name]
        expected = {"–" if item.per_class[name] is None else f"{100 * item.per_class[name]:.1f}" for item in records()}
        assert set(cells[1:]) == expected
    assert "All figures are this run's own." in page.text


def test_headline_is_the_last_stage_on_val(tmp_path: Path) -> None:
    page = Page(written(tmp_path, records()))
    last = records()[0]
    head = page.text.index(f"{100 * last.miou:.1f}% mIoU")
    assert head < page.text.index("prediction + CRF on val") < page.text.index("Scores by stage")
    page = Page(written(tmp_path, records()[1:3]))
    assert "CAM on val" in page.text


def test_what_took_the_place_of_the_crf_is_named(tmp_path: Path) -> None:
    head, *rest = records()
    page = Page(written(tmp_path, [head.model_copy(update={"post_processing": "pamr"}), *rest]))
    (row,) = [cells for cells in page.rows if len(cells) == 10 and cells[0].startswith("prediction")]
    assert (row[0], row[5]) == ("prediction + PAMR", "PAMR instead")
    assert "prediction + PAMR on val" in page.text
    assert "+ CRF" not in page.text


def test_rows_follow_the_pipeline(tmp_path: Path) -> None:
    rows = [cells for cells in Page(written(tmp_path, records())).rows if len(cells) == 10][1:]
    assert [cells[:2] for cells in rows] == [
        ["CAM", "train"],
        ["CAM", "val"],
        ["pseudo labels", "train"],
        ["prediction + CRF", "val"],
    ]


def test_score_chosen_on_the_scored_split_is_called_an_upper_bound(tmp_path: Path) -> None:
    rows = [cells for cells in Page(written(tmp_path, records())).rows if len(cells) == 10][1:]
    assert [cells[6] for cells in rows] == [
        "0.16, chosen on train †",
        "0.16, chosen on train",
        "0.25, from config",
        "–",
    ]
    assert "upper bound" in written(tmp_path, records())
    assert "upper bound" not in written(tmp_path, records()[:2])


def test_full_supervision_is_named(tmp_path: Path) -> None:
    item = records()[0].model_copy(update={"supervision": "truth"})
    assert "truth (full supervision)" in Page(written(tmp_path, [item])).text


def test_the_recovery_ratio_stands_beside_both_scores(tmp_path: Path) -> None:
    weak = records()[0]
    bound = weak.model_copy(update={"supervision": "truth", "miou": 0.8})
    page = Page(written(tmp_path, records(), bounds=[bound]))
    share = 100 * weak.miou
    wanted = ["prediction + CRF", "val", f"{share:.1f}", "80.0", f"{share / 0.8:.1f}%"]
    assert page.rows[page.rows.index(HEAD) + 1] == wanted
    nothing = Page(written(tmp_path, records(), bounds=[bound.model_copy(update={"miou": 0.0})]))
    assert [*wanted[:3], "0.0", "–"] in nothing.rows
    assert "Recovery ratio" not in Page(written(tmp_path, records())).text


def test_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    source = written(tmp_path, records())
    page = Page(source)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "a", "base", "form"}
    sources = [attributes["src"] for _, attributes in page.tags if "src" in attributes]
    assert [str(value).partition(",")[0] for value in sources] == ["data:image/png;base64"]
    assert base64.b64decode(str(sources[0]).partition(",")[2]) == (tmp_path / "curve.png").read_bytes()
    assert not any(name.startswith("on") or name == "href" for _, attributes in page.tags for name in attributes)
    assert "http://" not in source
    assert "https://" not in source
    assert "@import" not in source
    assert "url(" not in source


def test_names_are_escaped(tmp_path: Path) -> None:
    source = written(tmp_path, records())
    page = Page(source)
    assert not {tag for tag, _ in page.tags} & {"b", "i", "script", "curve"}
    assert "&lt;b&gt;" in source
    assert "<script>alert(1)</script>" in page.text
    assert "run <i>one</i>" in page.text
    assert [attributes["alt"] for tag, attributes in page.tags if tag == "img"] == ["Threshold <curve>"]


def test_settings_fold_away_and_artifacts_are_listed(tmp_path: Path) -> None:
    page = Page(written(tmp_path, records()))
    assert [tag for tag, _ in page.tags].count("details") == 1
    for cells in (["optimiser.momentum", "0.9"], ["words", "vwl_l"], ["none", "null"], ["empty", "{}"]):
        assert cells in page.rows
    assert ["classifier", "results/a&b/classifier.safetensors", "settings.json"] in page.rows


def test_equal_runs_give_equal_bytes_and_parts_may_be_missing(tmp_path: Path) -> None:
    assert written(tmp_path, records()) == written(tmp_path, records())
    bare = Page(written(tmp_path, records(), settings={}, figures={}, artifacts=[], facts={}))
    assert "Scores by stage" in bare.text
    assert "Figures" not in bare.text


def test_a_missing_figure_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"nowhere\.png"):
        written(tmp_path, records(), figures={"x": tmp_path / "nowhere.png"})


def test_a_page_without_scores_has_everything_else(tmp_path: Path) -> None:
    page = Page(written(tmp_path, [], notes=["Masks of 0 of 6 images of val: <none>."]))
    assert "No scores" in page.text
    assert "Masks of 0 of 6 images of val: <none>." in page.text
    assert "run <i>one</i>: no scores" in page.text
    for absent in ("mIoU", "Scores by stage", "IoU by class", "Recovery ratio", "upper bound"):
        assert absent not in page.text
    assert [attributes["alt"] for tag, attributes in page.tags if tag == "img"] == ["Threshold <curve>"]
    assert ["optimiser.momentum", "0.9"] in page.rows
    assert summary_text([]) == "No scores: the report says why.\n"


def test_the_page_says_of_how_many_images_scores_are(tmp_path: Path) -> None:
    first, second, *_ = records()
    some, whole = first.model_copy(update={"listed": 60}), second.model_copy(update={"listed": 7})
    page = Page(written(tmp_path, [some, whole]))
    assert {cells[0]: cells[4] for cells in page.rows if len(cells) == 10} == {
        "stage": "images",
        "prediction + CRF": "7 of 60",
        "CAM": "7",
    }
    assert "7 of 60" in summary_text([some, whole])


def test_images_that_were_left_out_are_listed_with_the_reason(tmp_path: Path) -> None:
    skipped = [SkippedImage("a", "JPEGImages/<a>.jpg", "damaged image: results/data/dataset/JPEGImages/<a>.jpg")]
    page = Page(written(tmp_path, records(), skipped=skipped))
    assert ["JPEGImages/<a>.jpg", skipped[0].reason] in page.rows
    assert "Images left out" not in Page(written(tmp_path, records())).text


def test_without_a_background_the_page_says_what_counts(tmp_path: Path) -> None:
    page = Page(written(tmp_path, records(), has_background=False))
    assert "mean over the classes that the masks hold" in page.text
    assert "a pixel without a label is a miss" in page.text
    assert "mean over the background and the classes" in Page(written(tmp_path, records())).text


def test_summary_is_aligned_and_complete() -> None:
    lines = summary_text(records()).splitlines()
    assert len(lines) == 7
    end = lines[0].index("mIoU %") + len("mIoU %")
    ordered = [records()[2], records()[1], records()[3], records()[0]]
    for line, item in zip(lines[2:6], ordered, strict=True):
        assert line[:end].endswith(f" {100 * item.miou:.1f}")
    assert "chosen on train †" in lines[2]
    assert "upper bound" in lines[6]

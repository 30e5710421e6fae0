"""Comparisons over seeds: means, spreads and paired differences against the definitions, and what the files show."""

import csv
import json
from math import sqrt
from pathlib import Path

import pytest

from tests.prepared import prepared
from tests.reporting.test_figures import count, pixels
from wsss.errors import WsssError
from wsss.evaluation.comparison import compare, markdown, write_table
from wsss.evaluation.metrics import Record
from wsss.reporting.comparison_page import write_comparison
from wsss.reporting.figures import draw_comparison
from wsss.settings.comparison import PublishedSettings
from wsss.settings.config import read_config

SCORES = {"GAP": {0: 0.40, 1: 0.44, 2: 0.42}, "HP": {0: 0.50, 1: 0.52, 2: 0.57}}
BACKBONE = {"name": "resnet18", "weights": "scratch"}


def records(scores: dict[str, dict[int, float]]) -> dict[str, dict[int, Record]]:
    def record(seed: int, share: float) -> Record:
        facts = {"stage": "cam", "split": "val", "images": 3, "pixel_accuracy": 0.9, "initialisation": "x"}
        return Record(miou=share, seed=seed, per_class={"background": share}, **facts)  # type: ignore[arg-type]

    return {row: {seed: record(seed, share) for seed, share in seeds.items()} for row, seeds in scores.items()}


def test_means_spreads_and_paired_differences() -> None:
    first, second = compare(records(SCORES), "val", {})
    assert (first.row, first.split, first.difference, first.difference_error) == ("GAP", "val", 0, 0)
    assert first.mean == pytest.approx(42)
    assert first.deviation == pytest.approx(2)
    # Differences 10, 8 and 15: mean 11, squared deviations 1, 9 and 16.
    assert second.difference == pytest.approx(11)
    assert second.difference_error == pytest.approx(sqrt((1 + 9 + 16) / 2) / sqrt(3))
    assert second.ratio == pytest.approx(53 / 42)
    assert second.scores == pytest.approx((50, 52, 57))


def test_pairs_are_of_equal_seeds() -> None:
    turned = {"GAP": SCORES["GAP"], "HP": dict(reversed(SCORES["HP"].items()))}
    assert (
        compare(records(turned), "val", {})[1].difference_error
        == compare(records(SCORES), "val", {})[1].difference_error
    )


def test_a_row_without_a_training_has_one_score_and_no_spread() -> None:
    """Of files that are scored as they are, each seed has the same score. The other row still varies."""
    own = records({"VWL": {0: 0.40, 1: 0.44}, "files": {0: 0.5, 1: 0.5}})
    own["files"] = {seed: item.model_copy(update={"seed": None}) for seed, item in own["files"].items()}
    first, second = compare(own, "val", {})
    assert (len(first.scores), len(second.scores)) == (2, 1)
    assert second.deviation is None
    assert second.difference == pytest.approx(8)
    assert second.difference_error == pytest.approx(2)


def test_one_seed_has_no_spread(tmp_path: Path) -> None:
    lines = compare(records({"GAP": {0: 0.4}, "HP": {0: 0.5}}), "val", {})
    assert [line.deviation for line in lines] == [None, None]
    write_table(lines, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {
        "row": "HP",
        "split": "val",
        "seeds": "1",
        "mean": "50.00",
        "deviation": "",
        "lowest": "50.00",
        "highest": "50.00",
        "difference": "10.00",
        "difference_error": "",
        "ratio": "1.250",
        "published": "",
    }
    assert "| HP | val | 1 | 50.0 | +10.0 | 1.250 |" in markdown(lines)


def test_the_markdown_gives_means_with_their_spread() -> None:
    text = markdown(compare(records(SCORES), "val", {}))
    assert "| GAP | val | 3 | 42.0 ± 2.0 | – | 1.000 |" in text
    assert "| HP | val | 3 | 53.0 ± 3.6 | +11.0 ± 2.1 | 1.262 |" in text


def test_a_papers_figure_stands_beside_its_row_alone(tmp_path: Path) -> None:
    lines = compare(records(SCORES), "val", {"HP": 53.1})
    text = markdown(lines)
    assert text.splitlines()[0].endswith("| ratio to GAP | published |")
    assert "| GAP | val | 3 | 42.0 ± 2.0 | – | 1.000 | – |" in text
    assert "| HP | val | 3 | 53.0 ± 3.6 | +11.0 ± 2.1 | 1.262 | 53.1 |" in text
    write_table(lines, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        assert [row["published"] for row in csv.DictReader(file)] == ["", "53.1"]
    diamond = [194, 87, 26]
    draw_comparison(lines, tmp_path / "beside.png")
    draw_comparison(compare(records(SCORES), "val", {}), tmp_path / "alone.png")
    assert count(pixels(tmp_path / "beside.png"), diamond) > 0 == count(pixels(tmp_path / "alone.png"), diamond)


def test_names_of_rows_are_texts_and_nothing_else(tmp_path: Path) -> None:
    """A bar would divide a cell of the table, and a dollar sign would begin a formula in the plot."""
    lines = compare(records({"a | b": {0: 0.4}, "a$x^{$b": {0: 0.5}}), "val", {})
    assert "| a \\| b | val | 1 | 40.0 |" in markdown(lines)
    assert "| against a \\| b (± standard error) |" in markdown(lines)
    draw_comparison(lines, tmp_path / "plot.png")
    assert pixels(tmp_path / "plot.png").size


def test_the_plot_shows_every_seed(tmp_path: Path) -> None:
    lines = compare(records(SCORES), "val", {})
    draw_comparison(lines, tmp_path / "plot.png")
    dot = [11, 110, 117]
    shown = count(pixels(tmp_path / "plot.png"), dot)
    draw_comparison(compare(records({"GAP": {0: 0.4}, "HP": {0: 0.5}}), "val", {}), tmp_path / "one.png")
    assert shown > 2 * count(pixels(tmp_path / "one.png"), dot) > 0


def test_files_of_a_comparison(tmp_path: Path) -> None:
    config = read_config(
        {
            "data": {"kind": "synthetic"},
            "classifier": {"backbone": BACKBONE},
            "irnet": {"backbone": BACKBONE},
            "segmentation": {"backbone": BACKBONE},
            "comparisons": {"pair": {"stage": "pseudo_label", "seeds": [4], "rows": {"first": None, "second": None}}},
        }
    )
    runs: dict[str, dict[str, dict[str, object]]] = {}
    for row, wrong in (("first", 2), ("second", 0)):
        score = tmp_path / f"{row}.json"
        score.write_text(json.dumps({"images": 5, "matrix": [[8, wrong], [0, 10]]}))
        settings = config.comparisons["pair"].rows[row][4].model_dump(mode="json")
        runs[row] = {"4": {"settings": settings, "scores": {"pseudo_label_train": str(score)}}}
    dataset = prepared(tmp_path, ["dog"], {"train": ["a"], "train_scored": ["a"]})
    figures = {"first": {"val": 9.0}, "second": {"train": 71.4}}
    published = PublishedSettings.model_validate(
        {"source": "table 1", "stage": "pseudo_label", "backbone": "resnet18", "rows": figures}
    )
    write_comparison("pair", "pseudo_label", dataset, runs, tmp_path / "pair", published)
    listed = json.loads((tmp_path / "pair" / "records.json").read_text())
    assert [(item["row"], item["stage"], item["split"], item["seed"]) for item in listed] == [
        ("first", "pseudo_label", "train", 4),
        ("second", "pseudo_label", "train", 4),
    ]
    assert listed[0]["miou"] == pytest.approx((8 / 10 + 10 / 12) / 2)
    assert listed[1]["miou"] == 1
    table = (tmp_path / "pair" / "table.md").read_text()
    assert table.startswith("pair: mIoU after stage `pseudo_label`\n")
    assert table.endswith("| 71.4 |\n\npublished: table 1\n")
    # A figure of val has no place beside a score of train.
    assert "9.0" not in table
    assert {path.name for path in (tmp_path / "pair").iterdir()} == {
        "table.csv",
        "table.md",
        "records.json",
        "plot.png",
    }


def test_nothing_to_score_is_one_line_that_names_the_comparison(tmp_path: Path) -> None:
    score = tmp_path / "score.json"
    score.write_text(json.dumps({"images": 0, "matrix": [[0, 0], [0, 0]]}))
    settings = read_config(
        {
            "data": {"kind": "synthetic"},
            "classifier": {"backbone": BACKBONE},
            "irnet": {"backbone": BACKBONE},
            "segmentation": {"backbone": BACKBONE},
        }
    ).runs["default"]
    runs = {"own": {"0": {"settings": settings.model_dump(mode="json"), "scores": {"cam_crf_val": str(score)}}}}
    dataset = prepared(tmp_path, ["dog"], {"train": ["a"], "val": ["b"]})
    with pytest.raises(WsssError, match=r"^comparison pair: nothing to score after stage cam_crf, .*add masks"):
        write_comparison("pair", "cam_crf", dataset, runs, tmp_path / "pair")
    assert not (tmp_path / "pair").exists()

"""The card of a model: every score with its split and its threshold's origin, and what it says without scores."""

from pathlib import Path

from tests.segmentation.test_model import DIGESTS, RUN
from wsss.data.dataset import Dataset
from wsss.evaluation.metrics import Record
from wsss.reporting.model_card import write_model_card

IOU = {"background": 0.9, "one": 0.5, "two": None}


def record(**facts: object) -> Record:
    usual = {"miou": 0.425, "pixel_accuracy": 0.8, "images": 3, "initialisation": "resnet18-scratch", "per_class": IOU}
    return Record.model_validate(usual | facts)


def test_scores_have_split_crf_and_threshold(dataset: Dataset, tmp_path: Path) -> None:
    records = [
        record(stage="prediction_crf", split="val", post_processing="crf", supervision="pseudo_labels", seed=0),
        record(stage="cam", split="train", threshold=0.35, threshold_from="train"),
    ]
    write_model_card("mine-0a1b2c", RUN, dataset, records, DIGESTS, tmp_path / "card.md")
    lines = (tmp_path / "card.md").read_text().splitlines()
    scores = [line for line in lines if "42.5" in line]
    assert [line.split(" | ")[:2] for line in scores] == [["| CAM", "train"], ["| prediction + CRF", "val"]]
    assert "0.35, chosen on train †" in scores[0]
    assert any(line.startswith("† chosen with the masks of the very split") for line in lines)
    assert "| one | 50.0 |" in lines
    assert "| two | not in the masks |" in lines
    assert "| prediction.scales | [1.0] |" in lines
    assert any("`mine-0a1b2c`" in line and DIGESTS["code"] in line for line in lines)


def test_without_masks_the_card_says_so(dataset: Dataset, tmp_path: Path) -> None:
    write_model_card("mine-0a1b2c", RUN, dataset, [], DIGESTS, tmp_path / "card.md")
    assert "There are none: the dataset has no masks" in (tmp_path / "card.md").read_text()

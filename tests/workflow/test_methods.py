"""Methods in the place of others, in real runs: they share what they have in common with what is there."""

from pathlib import Path

from tests.workflow.conftest import Workplace
from wsss.data.images import read_labels
from wsss.files import sha256_of


def test_a_refinement_that_trains_nothing_starts_from_the_cams_that_are_there(copy_of_finished: Workplace) -> None:
    place = copy_of_finished
    runs = {method: {"pseudo_labels": {"method": method}} for method in ("pamr", "none")}
    config = place.write_config({"runs": runs, "targets": [*runs]})
    planned = place.planned("pseudo_labels", config=config)
    assert planned == {"make_pseudo_labels_of_cams": 4, "list_files": 2, "pseudo_labels": 1}
    outcome = place.snakemake("pseudo_labels", config=config)
    assert outcome.code == 0, outcome.output
    for method in runs:
        labels = list(place.work.glob(f"results/data-*/classifier-*/cams-*/pseudo_labels-{method}-*/labels/*.png"))
        assert len(labels) == 16
        assert any(read_labels(path).any() for path in labels)
    # The segmentation networks are trained on these labels, without IRNet and without a score.
    planned = place.planned("segmentation", config=config)
    assert planned == {"train_segmentation": 2, "segmentation": 1}


def test_recam_goes_on_from_the_classifier_that_is_there(copy_of_finished: Workplace) -> None:
    place = copy_of_finished
    first = place.only("results/data-*/classifier-vwl_l-*/classifier.safetensors")
    before = sha256_of(first)
    runs = {"recam": {"classifier": {"objectives": [{"method": "recam", "epochs": 1}]}}}
    config = place.write_config({"runs": runs, "targets": ["recam"], "shards": 1})
    planned = place.planned("cams", config=config)
    assert planned == {"train_classifier": 1, "make_cams": 2, "list_files": 2, "cams": 1}
    outcome = place.snakemake("cams", config=config)
    assert outcome.code == 0, outcome.output
    assert sha256_of(first) == before
    second = place.only("results/data-*/classifier-vwl_l_recam-*/classifier.safetensors")
    assert sha256_of(second) != before
    losses = (second.parent / "training.csv").read_text().splitlines()[0]
    assert "recam" in losses.split(",")
    assert not place.planned("cams", config=config)
    assert len(list(Path(second.parent).glob("cams-*/stores/train_*.zarr.zip"))) == 16

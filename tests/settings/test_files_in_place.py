"""Files in place of stages: what a run then has, how it is named, and what is refused."""

from typing import Any

import pytest

from tests.settings.samples import BACKBONE
from wsss.errors import WsssError
from wsss.settings.config import read_config
from wsss.settings.run import RunSettings, read_settings

BASE: dict[str, Any] = {
    "data": {"kind": "voc12"},
    "classifier": {"backbone": BACKBONE},
    "irnet": {"backbone": BACKBONE},
    "segmentation": {"backbone": BACKBONE},
}
CAMS = {"cams": {"method": "files", "name": "ReCAM", "format": "irn"}}
LABELS = {"pseudo_labels": {"method": "files", "name": "AMN"}}
MASKS = {"merged_labels": {"name": "sam", "format": "rle"}}
FINISHED = {"finished": "mine", "backbone": BACKBONE}
EVERYTHING = ("cam", "cam_crf", "pseudo_label", "prediction", "prediction_crf")


def run(*changes: dict[str, Any], without: str = "") -> RunSettings:
    base = {name: value for name, value in BASE.items() if name != without}
    for change in changes:
        base |= change
    return RunSettings.read("", base)


@pytest.mark.parametrize(
    ("changes", "trained", "files", "scored"),
    [
        ((), ("classifier", "irnet", "segmentation"), {}, EVERYTHING),
        ((CAMS,), ("irnet", "segmentation"), {"cams": "ReCAM"}, EVERYTHING),
        ((LABELS,), ("segmentation",), {"pseudo_labels": "AMN"}, EVERYTHING[2:]),
        ((LABELS, CAMS), ("segmentation",), {"pseudo_labels": "AMN"}, EVERYTHING[2:]),
        (
            (CAMS, MASKS),
            ("irnet", "segmentation"),
            {"cams": "ReCAM", "merged_labels": "sam"},
            (*EVERYTHING[:3], "merged_label", *EVERYTHING[3:]),
        ),
        (({"classifier": FINISHED},), ("irnet", "segmentation"), {"classifier": "mine"}, EVERYTHING),
        (({"irnet": FINISHED},), ("classifier", "segmentation"), {"irnet": "mine"}, EVERYTHING),
        (({"segmentation": FINISHED}, CAMS), (), {"segmentation": "mine"}, EVERYTHING[3:]),
        (({"supervision": "truth"}, CAMS, MASKS), ("segmentation",), {}, EVERYTHING[3:]),
    ],
)
def test_what_stands_before_files_is_not_part_of_the_run(
    changes: tuple[dict[str, Any], ...], trained: tuple[str, ...], files: dict[str, str], scored: tuple[str, ...]
) -> None:
    found = run(*changes)
    assert (found.trained, found.files_in_place, found.scored_stages) == (trained, files, scored)
    assert all(name in found.trained_on for name in files.values())
    assert all(name in found.method for name in files.values())


def test_a_classifier_is_needed_only_where_cams_are_made_of_it() -> None:
    assert run(CAMS, without="classifier").classifier is None
    assert run(LABELS, without="classifier").classifier is None
    assert run({"supervision": "truth"}, without="classifier").method == "full supervision"
    with pytest.raises(WsssError, match="config: classifier is missing: CAMs are made of it, unless"):
        run(without="classifier")


def test_a_finished_network_has_no_settings_of_a_training() -> None:
    found = run({"classifier": FINISHED | {"words": "vwe", "epochs": 3, "lr": "no number", "seed": 5}})
    assert found == run({"classifier": FINISHED | {"words": "vwe"}})
    key = found.classifier.key() if found.classifier else ""
    assert key == '{"backbone": {"name": "resnet50", "weights": "imagenet"}, "finished": "mine", "words": "vwe"}'
    assert read_settings("classifier", key) == found.classifier
    with pytest.raises(WsssError, match=r"unknown key classifier\.wrods"):
        run({"classifier": FINISHED | {"wrods": "vwe"}})


def test_seeds_of_a_comparison_pass_by_a_finished_network() -> None:
    rows = {"theirs": {"classifier": FINISHED}}
    places = {"classifier": {"mine": "a.safetensors"}}
    own = read_config(BASE | {"locations": places, "comparisons": {"c": {"seeds": [0, 4], "rows": rows}}})
    first, second = own.comparisons["c"].rows["theirs"].values()
    assert first.classifier == second.classifier
    assert (first.segmentation.seed, second.segmentation.seed) == (0, 4)


@pytest.mark.parametrize(
    ("changes", "stage", "name"),
    [(CAMS, "cams", "ReCAM"), (MASKS, "merged_labels", "sam"), (LABELS, "pseudo_labels", "AMN")],
)
def test_files_need_a_place(changes: dict[str, Any], stage: str, name: str) -> None:
    with pytest.raises(
        WsssError, match=rf"{stage}: '{name}' are files of your own: set locations\.{stage} to {{{name}: "
    ):
        read_config(BASE | changes)
    read_config(BASE | changes | {"locations": {stage: {name: "somewhere"}}})
    # Of a run that does not use them, no place is asked.
    read_config(BASE | changes | {"supervision": "truth"})


def test_figures_of_a_paper_are_refused_beside_files() -> None:
    """Nothing says by which protocol the files were made."""
    published = {
        "source": "a table",
        "stage": "pseudo_label",
        "backbone": "resnet50",
        "rows": {"theirs": {"train": 60}},
    }
    places = {"locations": {"cams": {"ReCAM": "somewhere"}}}

    def config(row: dict[str, Any]) -> dict[str, Any]:
        own = {"stage": "pseudo_label", "rows": {"theirs": row}, "published": published}
        return BASE | places | {"comparisons": {"c": own}}

    read_config(config({}))
    with pytest.raises(WsssError, match=r"published\.rows: theirs is of another protocol"):
        read_config(config(CAMS))


def test_cams_of_val_alone_are_refused() -> None:
    with pytest.raises(WsssError, match="splits: train is missing: pseudo labels are made of its CAMs"):
        run({"cams": CAMS["cams"] | {"splits": ["val"]}})

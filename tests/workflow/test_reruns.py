"""What a change makes again: its stage and all later stages, and nothing else."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.workflow.conftest import Workplace, rewrite
from wsss.files import sha256_of
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.settings.crf import CrfSettings
from wsss.settings.prediction_labels import PredictionLabelSettings

PAGES = {"collect_metrics", "draw_panels", "write_report", "report"}
AFTER_SEGMENTATION = {"make_prediction", "make_prediction_labels", "list_files", "score_labels", *PAGES}
AFTER_IRNET = {"make_pseudo_labels", "train_segmentation", *AFTER_SEGMENTATION}
AFTER_CONFIDENT_LABELS = {"train_irnet", *AFTER_IRNET}
SEGMENTER = "results/*/*/*/*/*/*/*/segmenter.safetensors"


def fewer_iterations(crf: CrfSettings) -> dict[str, Any]:
    return {"crf": {**crf.model_dump(), "iterations": 1}}


LATE = {"prediction_labels": fewer_iterations(PredictionLabelSettings().crf)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"confident_labels": fewer_iterations(ConfidentLabelSettings().crf)},
            {"make_confident_labels", *AFTER_CONFIDENT_LABELS},
        ),
        ({"segmentation": {"steps": 5}}, {"train_segmentation", *AFTER_SEGMENTATION}),
        (LATE, {"make_prediction_labels", "list_files", "score_labels", *PAGES}),
        ({"runs": {"other": LATE}}, set()),
    ],
    ids=["confident_labels", "segmentation", "prediction_labels", "another run"],
)
def test_a_setting_reaches_its_stage_and_what_follows(
    copy_of_finished: Workplace, changes: Mapping[str, Any], expected: set[str]
) -> None:
    assert set(copy_of_finished.planned(config=copy_of_finished.write_config(changes))) == expected


def test_what_a_job_gets_of_a_machine_makes_nothing_again(copy_of_finished: Workplace) -> None:
    cores = [f"{rule}=1" for rule in ("generate_synthetic", "train_classifier", "make_cams", "score_labels")]
    memory = ["train_classifier:mem_mb=1000", "make_prediction_labels:runtime=5"]
    assert not copy_of_finished.planned("--set-threads", *cores, "--set-resources", *memory)


def test_a_change_and_back_finds_the_earlier_artifacts(copy_of_finished: Workplace) -> None:
    """Nothing is listed, and the run's folder shows the page of the settings that are in force again."""
    place = copy_of_finished
    page = place.work / "results" / "runs" / "default"
    changed, named = place.write_config(LATE), place.write_config({"runs": {"other": LATE}})
    first = page.resolve()
    outcome = place.snakemake(config=changed)
    assert outcome.code == 0, outcome.output
    assert page.resolve() != first
    assert not place.planned(config=changed)
    assert place.snakemake().code == 0
    assert page.resolve() == first
    assert not place.planned()
    # As a separate run with another name, the change uses the earlier results.
    assert set(place.planned("other", config=named)) == {*PAGES - {"report"}, "other"}


def test_a_comparison_shares_what_its_rows_have_in_common(copy_of_finished: Workplace) -> None:
    place = copy_of_finished
    rows = {"config": None, "fewer iterations": LATE, "on the truth": {"supervision": "truth"}}
    late = {"stage": "prediction_crf", "seeds": [0], "rows": rows, "words": True}
    config = place.write_config({"comparisons": {"late": late}})
    planned = place.planned("late", config=config)
    assert (planned["make_prediction_labels"], planned["make_prediction"], planned["train_segmentation"]) == (4, 2, 1)
    # Two rows have words, those of one classifier.
    assert (planned["count_words"], planned["compare_words"]) == (1, 1)
    assert not planned.keys() & {"train_classifier", "make_cams", "train_irnet", "make_pseudo_labels"}
    outcome = place.snakemake("late", config=config)
    assert outcome.code == 0, outcome.output
    records = json.loads(place.only("results/comparisons/late/records.json").read_text())
    assert [(record["row"], record["supervision"]) for record in records] == [
        ("config", "pseudo_labels"),
        ("fewer iterations", "pseudo_labels"),
        ("on the truth", "truth"),
    ]
    finished = json.loads(place.only("results/runs/default/metrics.json").read_text())
    assert records[0]["miou"] in [record["miou"] for record in finished if record["stage"] == "prediction_crf"]
    assert place.only("results/comparisons/late/words.png").stat().st_size > 0
    # The network on the truth serves the report of the other one too.
    config = place.write_config({"report": {"recovery": True}})
    assert set(place.planned(config=config)) == {"list_files", "score_labels", *PAGES}
    outcome = place.snakemake(config=config)
    assert outcome.code == 0, outcome.output
    page = (place.work / "results" / "runs" / "default" / "report.html").read_text()
    assert "Recovery ratio" in page
    assert f">{100 * records[0]['miou'] / records[2]['miou']:.1f}%<" in page


# Comments in the library and in a script, a constant that nothing names, and how progress is shown.
HARMLESS = {
    "wsss/segmentation/losses.py": "# A comment changes no number.",
    "workflow_scripts/train_classifier.py": "# A comment changes no number.",
    "wsss/files.py": "NOBODY_NAMES_IT = 5",
    "wsss/progress.py": "SECONDS_BETWEEN_LINES = 5.0",
}


def test_harmless_code_makes_nothing_again(copy_of_finished: Workplace) -> None:
    for file, addition in HARMLESS.items():
        path = copy_of_finished.project / file
        rewrite(path, f"{path.read_text()}\n{addition}\n")
    assert not copy_of_finished.planned()


def test_a_changed_function_reruns_what_reaches_it_unless_it_is_accepted(copy_of_finished: Workplace) -> None:
    """`snakemake --touch` accepts what is there as made by today's code, and makes up nothing that is not there."""
    place = copy_of_finished
    losses = place.project / "wsss" / "segmentation" / "losses.py"
    changed = losses.read_text().replace("    terms = list(per_scale)", "    more = None\n    terms = list(per_scale)")
    assert changed != losses.read_text()
    rewrite(losses, changed)
    assert set(place.planned()) == {"train_segmentation", *AFTER_SEGMENTATION}
    before = sha256_of(place.only(SEGMENTER))
    (place.work / "results" / "runs" / "default" / "report.html").unlink()
    accepted = place.snakemake("--touch")
    assert accepted.code == 0, accepted.output
    assert place.planned() == {"write_report": 1, "report": 1}
    assert sha256_of(place.only(SEGMENTER)) == before


def test_a_changed_function_of_an_early_step_trains_what_comes_after_it(copy_of_finished: Workplace) -> None:
    """In one command, though the trainings do not count the time of the labels that they learn from."""
    place = copy_of_finished
    crf = place.project / "wsss" / "cams" / "plain.py"
    changed = crf.read_text().replace("    def maps(self", "    tried = 1\n\n    def maps(self")
    assert changed != crf.read_text()
    rewrite(crf, changed)
    planned = place.planned()
    assert {"make_cams", "make_confident_labels", *AFTER_CONFIDENT_LABELS} <= set(planned)
    assert not planned.keys() & {"train_classifier", "generate_synthetic"}


def test_what_every_script_shares_is_in_every_digest(copy_of_finished: Workplace) -> None:
    step = copy_of_finished.project / "workflow_scripts" / "step.py"
    rewrite(step, step.read_text().replace("logger.setLevel(logging.INFO)", "logger.setLevel(logging.DEBUG)"))
    assert {"train_classifier", "make_cams", "train_irnet", "write_report"} <= set(copy_of_finished.planned())

"""The inputs of the pages of runs and of the tables of comparisons, and the folders where users find them."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from wsss.files import replace_link
from wsss.plan.paths import paths_of
from wsss.plan.plan import Plan
from wsss.plan.provenance import short_hash
from wsss.plan.stages import ROOT, STAGES
from wsss.settings.run import RunSettings

SPLITS = ("train", "val")
# What the folder of a run may hold without a report, because it is a target of its own.
SHOWN_ALONE = ("masks/index.csv", "model/segmenter.safetensors")


def scores(run: RunSettings) -> dict[str, str]:
    """The files of scores of a run's stages, by <stage>_<split>. Not all runs have CAMs and pseudo labels."""
    paths = paths_of(run)
    labels = paths["prediction_labels"]
    found = {
        "prediction_val": f"{labels}/plain/scores/val.json",
        "prediction_crf_val": f"{labels}/crf/scores/val.json",
    }
    found |= {f"cam_{split}": f"{paths['cam_curve']}/{split}.json" for split in run.cam_splits}
    found |= {f"cam_crf_{split}": f"{paths['cam_crf']}/scores/{split}.json" for split in run.cam_splits}
    for stage in ("pseudo_label", "merged_label"):
        if (name := f"{stage}s") in paths:
            found[f"{stage}_train"] = f"{paths[name]}/scores/train.json"
    return found


class RunPages:
    """The inputs and parameters of the steps that collect the results of one run. The wildcard `run` names the run."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def _paths(self, wildcards: Any) -> dict[str, str]:
        return self._plan.paths[wildcards.run]

    def settings(self, wildcards: Any) -> str:
        """Every setting of the run that differs from the defaults."""
        return self._plan.runs[wildcards.run].key()

    def paths(self, wildcards: Any) -> str:
        """The folder of each of its stages, as JSON."""
        return json.dumps(self._paths(wildcards), sort_keys=True)

    def images(self, wildcards: Any) -> str:
        """The index of its images."""
        return f"{self._paths(wildcards)['data']}/{STAGES['data'].file}"

    def panel_count(self, wildcards: Any) -> int:
        """The number of images in its panels."""
        return self._plan.runs[wildcards.run].report.panels

    def scores(self, wildcards: Any) -> dict[str, str]:
        """The files of scores for its metrics."""
        return scores(self._plan.runs[wildcards.run])

    def bound_scores(self, wildcards: Any) -> dict[str, str]:
        """Scores of the same network trained on the truth, if the report compares the run with them."""
        bound = _bound_of(self._plan.runs[wildcards.run])
        found = scores(bound) if bound else {}
        return {f"bound_{name}": path for name, path in found.items()}

    def panel_inputs(self, wildcards: Any) -> dict[str, str]:
        """The lists of files for the panels of a split: CAMs, pseudo labels for train, predictions for val."""
        paths, split = self._paths(wildcards), wildcards.split
        found = {}
        if split in self._plan.runs[wildcards.run].cam_splits:
            found["cams"] = f"{paths['cams']}/{split}.tsv"
        labels = [paths[stage] for stage in ("pseudo_labels", "merged_labels") if stage in paths]
        if labels and split == "train":
            found["pseudo_labels"] = f"{labels[-1]}/train.tsv"
        if split == "val":
            found["predictions"] = f"{paths['prediction_labels']}/crf/val.tsv"
        return found

    def mask_splits(self, wildcards: Any) -> list[str]:
        """The splits whose images get masks for people: all that the dataset may have."""
        return list(self._plan.runs[wildcards.run].data.listed_splits)

    def mask_inputs(self, wildcards: Any) -> list[str]:
        """The lists of the label images that masks for people are made from, in the order of the splits."""
        labels = self._paths(wildcards)["prediction_labels"]
        return [f"{labels}/crf/{split}.tsv" for split in self.mask_splits(wildcards)]

    def model_weights(self, wildcards: Any) -> str:
        """The weights of its segmentation network."""
        return f"{self._paths(wildcards)['segmentation']}/{STAGES['segmentation'].file}"

    def model_digests(self, wildcards: Any) -> str:
        """Digests of its settings, and of the code of all steps up to the labels of its predictions, as JSON."""
        path = SimpleNamespace(folder=self._paths(wildcards)["prediction_labels"])
        digests = {"settings": short_hash(self.settings(wildcards), 12), "code": self._plan.code_of()(path)}
        return json.dumps(digests, sort_keys=True)

    def report_inputs(self, wildcards: Any) -> dict[str, str]:
        """Logs of its trainings, curves of its CAMs, and its panels. Without pseudo labels there are none of train."""
        paths, page = self._paths(wildcards), wildcards.run
        run = self._plan.runs[page]
        logs = {f"{stage}_log": f"{paths[stage]}/training.csv" for stage in run.trained}
        curves = {name: path for name, path in scores(run).items() if name in ("cam_train", "cam_val")}
        shown = SPLITS if run.has_labels else ("val",)
        panels = {f"panels_{split}": f"{ROOT}/runs/{page}/panels_{split}.png" for split in shown}
        return {**logs, **panels, **curves, **self.bound_scores(wildcards)}


class ComparisonPages:
    """The inputs and parameters of the steps that compare runs. The wildcard `comparison` names the table."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def stage(self, wildcards: Any) -> str:
        """The stage that is compared."""
        return self._plan.comparisons[wildcards.comparison].stage

    def published(self, wildcards: Any) -> str:
        """A paper's figures as JSON; empty if there are none."""
        found = self._plan.comparisons[wildcards.comparison].published
        return found.key() if found else ""

    def runs(self, wildcards: Any) -> str:
        """Settings and scores of every run by row and seed, as JSON. The order of the rows is that of the table."""
        return json.dumps(self._compared(wildcards))

    def scores(self, wildcards: Any) -> list[str]:
        """The files of scores of all runs."""
        compared = self._compared(wildcards).values()
        return [path for seeds in compared for run in seeds.values() for path in run["scores"].values()]

    def images(self, wildcards: Any) -> str:
        """The index of the images that are scored."""
        _, run = next(self._first_runs(wildcards))
        return f"{paths_of(run)['data']}/{STAGES['data'].file}"

    def censuses(self, wildcards: Any) -> dict[str, str]:
        """The census of words by row, for the first seed of each row that has words."""
        return {
            row: f"{paths_of(run)['classifier']}/words/census.json"
            for row, run in self._first_runs(wildcards)
            if run.has_words
        }

    def census_files(self, wildcards: Any) -> list[str]:
        """The files of the censuses."""
        return list(self.censuses(wildcards).values())

    def census_rows(self, wildcards: Any) -> list[str]:
        """The rows of the censuses, in the order of the files."""
        return list(self.censuses(wildcards))

    def _first_runs(self, wildcards: Any) -> Iterator[tuple[str, RunSettings]]:
        for row, seeds in self._plan.comparisons[wildcards.comparison].rows.items():
            yield row, next(iter(seeds.values()))

    def _compared(self, wildcards: Any) -> dict[str, dict[str, dict[str, Any]]]:
        own = self._plan.comparisons[wildcards.comparison]
        return {
            row: {
                str(seed): {"settings": run.differences(), "scores": _scores_after(run, own.stage)}
                for seed, run in seeds.items()
            }
            for row, seeds in own.rows.items()
        }


def _scores_after(run: RunSettings, stage: str) -> dict[str, str]:
    return {name: path for name, path in scores(run).items() if name.rpartition("_")[0] == stage}


def _bound_of(run: RunSettings) -> RunSettings | None:
    if run.report.recovery and run.has_labels:
        return run.model_copy(update={"supervision": "truth"})
    return None


def targets(plan: Plan) -> dict[str, list[str]]:
    """The files that `snakemake <name>` makes, by name: a stage of the config's targets, a run, or a comparison.

    For a run or a comparison, the first file is in the folder that users see.
    """
    found = {name: plan.files(name) for name in STAGES if name not in ("data", "backbone")}
    found["words"] = plan.word_figures()
    found["masks"] = plan.masks()
    found["model"] = plan.models()
    return found | shown_targets(plan)


def shown_targets(plan: Plan) -> dict[str, list[str]]:
    """The targets that have a page for users: runs and comparisons."""
    found = {name: [f"{ROOT}/runs/{page}/report.html"] for name, page in plan.pages.items()}
    for name, table in plan.tables.items():
        files = ["table.csv", *(["words.png"] if plan.comparisons[table].words else [])]
        found[name] = [f"{ROOT}/comparisons/{table}/{file}" for file in files]
    return found


def show_pages(plan: Plan) -> list[str]:
    """Link results/runs/<run> and results/comparisons/<name> to the results of the current settings, if they exist.

    Returns
    -------
    list of str
        A warning for each link that cannot be made because something else has its name.
    """
    warnings = []
    for name, (made, *_) in shown_targets(plan).items():
        folder = Path(made).parent
        link = folder.with_name(name)
        if _has_results(Path(made)) and (hindrance := _link(link, folder.name)):
            warnings.append(f"warning: {link} does not lead to {made} ({hindrance}): move it away")
    return warnings


def _has_results(made: Path) -> bool:
    """Whether a folder has its page, or something that is a target of its own."""
    return any(path.exists() for path in (made, *(made.parent / file for file in SHOWN_ALONE)))


def _link(link: Path, target: str) -> str:
    """Make `link` lead to `target`. Returns a warning if something else has this name, else an empty text."""
    if link.is_symlink() and str(link.readlink()) == target:
        return ""
    try:
        replace_link(link, target)
    except OSError as error:
        return str(error.strerror)
    return ""

"""The table of stages: the name of each stage, the stages it depends on, and its files.

A stage has one name everywhere: as the key of its settings in a config, as wildcard, in the names of its folder, rule
and script, and as the name of the module or package that computes it.

The path of an artifact shows its ancestry. A stage is in the folder of its parent as `<name>[-<label>]-<hash>`, with a
hash of its own settings that differ from the defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from wsss.plan.provenance import short_hash
from wsss.settings.base import Settings
from wsss.settings.cam_files import CamFileSettings
from wsss.settings.finished import TrainedPart
from wsss.settings.label_files import LabelFileSettings
from wsss.settings.run import RunSettings, settings_of

ROOT = "results"
HASH = "[0-9a-f]{6}"


@dataclass(frozen=True)
class Stage:
    """One stage of a run. `STAGES` has all of them.

    Parameters
    ----------
    name : str
        Its name.
    verb : {"make", "train"}
        The first part of the name of its rule and script, `<verb>_<name>`.
    product : {"index", "weights", "stores", "labels", "curve"}
        What it makes: an index of images, weights, one file for each image, or a curve.
    parents : tuple[str, ...]
        The stages whose folder it can be in. Of these, a run uses the last one that it has. Empty: the root folder.
    splits : tuple[str, ...]
        The splits whose images it processes.
    file : str
        The file that later stages read, if it is a single file.
    path_wildcard : str or None
        The wildcard, in paths of later stages, for all folders from below the dataset to this stage. None: each folder
        has the wildcard of its stage. Stages that several paths lead to have one.
    """

    name: str
    verb: Literal["make", "train"]
    product: Literal["index", "weights", "stores", "labels", "curve"]
    parents: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    file: str = ""
    path_wildcard: str | None = None

    @property
    def step(self) -> str:
        """Its rule and its script."""
        return f"{self.verb}_{self.name}"

    def folder(self, settings: Settings | None) -> str:
        """The name of its folder.

        Parameters
        ----------
        settings : Settings or None
            Its settings. None for `truth`, which has none.

        Returns
        -------
        str
            `<name>[-<label>]-<hash>`.
        """
        if settings is None:
            return self.name
        parts = [self.name, settings.label, short_hash(settings.key(usual_settings(self.name)))]
        return "-".join(filter(None, parts))

    @property
    def pattern(self) -> str:
        """A regular expression for the name of its folder."""
        return self.name if self.name == "truth" else f"{self.name}-(?:[^/]+-)?{HASH}"


BOTH, TRAIN, VAL = ("train", "val"), ("train",), ("val",)
SUPERVISION = ("truth", "pseudo_labels", "merged_labels")
STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("backbone", "make", "weights", file="weights.safetensors"),
        Stage("data", "make", "index", file="images.tsv"),
        Stage("truth", "make", "labels", ("data",), TRAIN, path_wildcard="supervision"),
        Stage("classifier", "train", "weights", ("data",), file="classifier.safetensors"),
        Stage("cams", "make", "stores", ("data", "classifier"), BOTH, path_wildcard="maps"),
        Stage("cam_curve", "make", "curve", ("cams",), BOTH),
        Stage("cam_crf", "make", "labels", ("cams",), BOTH),
        Stage("confident_labels", "make", "labels", ("cams",), TRAIN),
        Stage(
            "irnet", "train", "weights", ("cams", "confident_labels"), file="edges.safetensors", path_wildcard="edges"
        ),
        Stage("pseudo_labels", "make", "labels", ("data", "cams", "irnet"), TRAIN, path_wildcard="supervision"),
        Stage("merged_labels", "make", "labels", ("pseudo_labels",), TRAIN, path_wildcard="supervision"),
        Stage(
            "segmentation",
            "train",
            "weights",
            ("data", *SUPERVISION),
            file="segmenter.safetensors",
            path_wildcard="network",
        ),
        Stage("prediction", "make", "stores", ("segmentation",), VAL),
        Stage("prediction_labels", "make", "labels", ("prediction",), VAL),
    )
}
PATH_WILDCARDS = tuple(dict.fromkeys(stage.path_wildcard for stage in STAGES.values() if stage.path_wildcard))


def usual_settings(name: str) -> Settings | None:
    """The settings of a stage that a config does not mention; None if a config must mention it."""
    field = RunSettings.model_fields.get(name)
    return field.default if field is not None and isinstance(field.default, Settings) else None


def stages_of(run: RunSettings) -> list[Stage]:
    """The stages of a run in the order of the table. Where files stand in place of a stage, it has no earlier ones."""
    names = {"data", "segmentation", "prediction", "prediction_labels"} | _stages_before_segmentation(run)
    return [stage for stage in STAGES.values() if stage.name in names]


def _stages_before_segmentation(run: RunSettings) -> set[str]:
    if run.segmentation.finished:
        return set()
    if run.supervision == "truth":
        return {"truth"}
    names = {"pseudo_labels"} if run.merged_labels is None else {"pseudo_labels", "merged_labels"}
    if not run.has_cams:
        return names
    return names | {"cams", "cam_curve", "cam_crf"} | _stages_around_cams(run)


def _stages_around_cams(run: RunSettings) -> set[str]:
    """The training that CAMs come from, and the stages that the refinement needs."""
    names = set(run.pseudo_labels.needs)
    if run.irnet is not None and run.irnet.finished:
        names -= {"confident_labels"}
    return names | ({"classifier"} if run.has_classifier else set())


def folders_of(run: RunSettings) -> dict[str, str]:
    """The path of each stage of a run, below `ROOT`."""
    found: dict[str, str] = {}
    for stage in stages_of(run):
        parents = [found[name] for name in stage.parents if name in found]
        found[stage.name] = "/".join([*parents[-1:], stage.folder(settings_of(run, stage.name))])
    return found


def path_pattern(name: str, parent: str | None = None) -> str:
    """The path of a stage below `ROOT`, with wildcards for its folders. Without `parent`, through its last parent."""
    stage = STAGES[name]
    if not stage.parents:
        return f"{ROOT}/{{{name}}}"
    parent = parent or stage.parents[-1]
    wildcard = STAGES[parent].path_wildcard
    return f"{f'{ROOT}/{{data}}/{{{wildcard}}}' if wildcard else path_pattern(parent)}/{{{name}}}"


def step_of(name: str, settings: Settings | None) -> str:
    """The step that makes a stage with these settings."""
    if isinstance(settings, TrainedPart) and settings.finished:
        return "take_finished"
    return (
        f"{STAGES[name].step}_of_files"
        if isinstance(settings, CamFileSettings | LabelFileSettings)
        else STAGES[name].step
    )


def files_of(run: RunSettings, name: str) -> list[str]:
    """The files of a stage of a run: its single file, or a list of files or a curve for each split.

    There are none if the run does not have the stage.
    """
    stage, folder = STAGES[name], folders_of(run).get(name)
    if folder is None:
        return []
    if stage.file:
        return [f"{ROOT}/{folder}/{stage.file}"]
    below = ("plain/", "crf/") if name == "prediction_labels" else ("",)
    ending = "json" if stage.product == "curve" else "tsv"
    splits = run.cam_splits if name in ("cams", "cam_curve", "cam_crf") else stage.splits
    return [f"{ROOT}/{folder}/{kind}{split}.{ending}" for kind in below for split in splits]


def wildcard_constraints() -> dict[str, str]:
    """The allowed values of each wildcard of the paths."""
    found = {stage.name: stage.pattern for stage in STAGES.values()}
    for wildcard in PATH_WILDCARDS:
        ends = "|".join(stage.pattern for stage in STAGES.values() if stage.path_wildcard == wildcard)
        found[wildcard] = f"(?:.+/)?(?:{ends})"
    return found

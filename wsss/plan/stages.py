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
        The wildcard for the folders between the dataset and the stage, if several paths are possible.
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


SUPERVISION = ("truth", "pseudo_labels")
BOTH, TRAIN, VAL = ("train", "val"), ("train",), ("val",)
STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("backbone", "make", "weights", file="weights.safetensors"),
        Stage("data", "make", "index", file="images.tsv"),
        Stage("truth", "make", "labels", ("data",), TRAIN),
        Stage("classifier", "train", "weights", ("data",), file="classifier.safetensors"),
        Stage("cams", "make", "stores", ("classifier",), BOTH),
        Stage("cam_curve", "make", "curve", ("cams",), BOTH),
        Stage("cam_crf", "make", "labels", ("cams",), BOTH),
        Stage("confident_labels", "make", "labels", ("cams",), TRAIN),
        Stage("irnet", "train", "weights", ("confident_labels",), file="edges.safetensors"),
        Stage("pseudo_labels", "make", "labels", ("cams", "irnet"), TRAIN),
        Stage(
            "segmentation", "train", "weights", SUPERVISION, file="segmenter.safetensors", path_wildcard="supervision"
        ),
        Stage("prediction", "make", "stores", ("segmentation",), VAL),
        Stage("prediction_labels", "make", "labels", ("prediction",), VAL),
    )
}
# Stages of a run whose segmentation network is trained on the truth.
STAGES_OF_TRUTH = frozenset({"data", "truth", "segmentation", "prediction", "prediction_labels"})
# Stages of any other run, besides those that its refinement needs.
STAGES_OF_CAMS = frozenset(
    {"data", "classifier", "cams", "cam_curve", "cam_crf", "pseudo_labels"}
) | STAGES_OF_TRUTH - {"truth"}


def usual_settings(name: str) -> Settings | None:
    """The settings of a stage that a config does not mention; None if a config must mention it."""
    field = RunSettings.model_fields.get(name)
    return field.default if field is not None and isinstance(field.default, Settings) else None


def stages_of(run: RunSettings) -> list[Stage]:
    """The stages of a run in the order of the table."""
    names = STAGES_OF_TRUTH if run.supervision == "truth" else STAGES_OF_CAMS | set(run.pseudo_labels.needs)
    return [stage for stage in STAGES.values() if stage.name in names]


def folders_of(run: RunSettings) -> dict[str, str]:
    """The path of each stage of a run, below `ROOT`."""
    found: dict[str, str] = {}
    for stage in stages_of(run):
        parents = [found[name] for name in stage.parents if name in found]
        found[stage.name] = "/".join([*parents[-1:], stage.folder(settings_of(run, stage.name))])
    return found


def path_pattern(name: str, parent: str | None = None) -> str:
    """The path of a stage below `ROOT`, with a wildcard for each folder. Without `parent`, through its last parent."""
    stage = STAGES[name]
    if stage.path_wildcard:
        return f"{ROOT}/{{data}}/{{{stage.path_wildcard}}}/{{{name}}}"
    if not stage.parents:
        return f"{ROOT}/{{{name}}}"
    return f"{path_pattern(parent or stage.parents[-1])}/{{{name}}}"


def files_of(stage: Stage, folder: str) -> list[str]:
    """The files that a stage must make in its folder: its single file, or a list of files or a curve for each split."""
    if stage.file:
        return [f"{folder}/{stage.file}"]
    below = ("plain/", "crf/") if stage.name == "prediction_labels" else ("",)
    ending = "json" if stage.product == "curve" else "tsv"
    return [f"{folder}/{kind}{split}.{ending}" for kind in below for split in stage.splits]


def wildcard_constraints() -> dict[str, str]:
    """The allowed values of each wildcard of the paths."""
    found = {stage.name: stage.pattern for stage in STAGES.values()}
    for stage in STAGES.values():
        if stage.path_wildcard:
            ends = "|".join(STAGES[parent].pattern for parent in stage.parents)
            found[stage.path_wildcard] = f"(?:.+/)?(?:{ends})"
    return found

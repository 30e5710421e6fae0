"""The one table of stages: what each is called, what it hangs on, and what it leaves.

A stage has one name. It is the key of its settings in a config, its wildcard in the workflow, the first part of its
folder's name, a part of its rule's and its script's name, and the name of the module or the room that computes it.

The path of an artifact is its ancestry: a stage lies in the folder of its parent as `<name>[-<label>]-<hash>`, the hash
being of its own settings that differ from the defaults.
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
    """One stage of a run; `STAGES` has them all.

    Parameters
    ----------
    name : str
        Its one name.
    verb : {"make", "train"}
        What its rule and its script do: `<verb>_<name>`.
    product : {"index", "weights", "stores", "labels", "curve"}
        What it leaves: an index of images, weights, or a file an image.
    parents : tuple[str, ...]
        The stages in whose folder it can lie; the last of them that a run has is the run's. None: at the root.
    splits : tuple[str, ...]
        The splits whose images it is made of.
    file : str
        The file that the later stages read, where it is one.
    path_wildcard : str or None
        The wildcard that stands for all that can lie between the dataset and the stage, where that is not one path.
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
            Its settings; the truth has none.

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
        """What its folder's name fits."""
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
# What a run has whose segmentation network is trained on the truth.
STAGES_OF_TRUTH = frozenset({"data", "truth", "segmentation", "prediction", "prediction_labels"})
# What it has beside the stages that its refinement needs, otherwise.
STAGES_OF_CAMS = frozenset(
    {"data", "classifier", "cams", "cam_curve", "cam_crf", "pseudo_labels"}
) | STAGES_OF_TRUTH - {"truth"}


def usual_settings(name: str) -> Settings | None:
    """The settings of a stage that a config says nothing of; None where a config must say something."""
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
    """The path of a stage with a wildcard for each folder, from `ROOT` on; by one of its parents, or by the last."""
    stage = STAGES[name]
    if stage.path_wildcard:
        return f"{ROOT}/{{data}}/{{{stage.path_wildcard}}}/{{{name}}}"
    if not stage.parents:
        return f"{ROOT}/{{{name}}}"
    return f"{path_pattern(parent or stage.parents[-1])}/{{{name}}}"


def files_of(stage: Stage, folder: str) -> list[str]:
    """The files that a stage has to leave in its folder: its one file, or for each split a list of them or a curve."""
    if stage.file:
        return [f"{folder}/{stage.file}"]
    below = ("plain/", "crf/") if stage.name == "prediction_labels" else ("",)
    ending = "json" if stage.product == "curve" else "tsv"
    return [f"{folder}/{kind}{split}.{ending}" for kind in below for split in stage.splits]


def wildcard_constraints() -> dict[str, str]:
    """What each wildcard of the paths can be."""
    found = {stage.name: stage.pattern for stage in STAGES.values()}
    for stage in STAGES.values():
        if stage.path_wildcard:
            ends = "|".join(STAGES[parent].pattern for parent in stage.parents)
            found[stage.path_wildcard] = f"(?:.+/)?(?:{ends})"
    return found

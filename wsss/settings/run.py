"""A whole config: one base, named runs that change it, and settings of this machine."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, TypeAdapter, model_validator

from wsss.errors import WsssError
from wsss.settings.backbone import BackboneName, BackboneSettings
from wsss.settings.base import Settings, completed
from wsss.settings.cam_crf import CamCrfSettings
from wsss.settings.cam_curve import CamCurveSettings
from wsss.settings.cam_files import CamFileSettings
from wsss.settings.cams import CamSettings, PlainCamSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.comparison import OF_PREDICTIONS, ComparisonSettings, PublishedSettings, ScoredStage
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.settings.data import DataSettings, Voc12Settings
from wsss.settings.finished import TrainedPart
from wsss.settings.irnet import IrnetSettings
from wsss.settings.label_files import LabelFileSettings
from wsss.settings.merged_labels import MergedLabelSettings
from wsss.settings.prediction import PredictionSettings
from wsss.settings.prediction_labels import PredictionLabelSettings
from wsss.settings.pseudo_labels import IrnetWalkSettings, PseudoLabelSettings
from wsss.settings.report import ReportSettings
from wsss.settings.segmentation import SegmentationSettings
from wsss.settings.training import Positive
from wsss.settings.values import LONGEST_NAME

# Stages that train a network. They have a seed.
TRAINED = ("classifier", "irnet", "segmentation")


# A path on this machine; a leading ~ is the user's home.
LocalPath = Annotated[str, Field(min_length=1), AfterValidator(os.path.expanduser)]


class LocationSettings(Settings):
    """Places on this machine. They are not part of any path of an artifact."""

    # The folder of the dataset, in VOC layout. `kind: folder` needs it. `kind: voc12` uses it instead of the archives;
    # there it can be an unpacked VOCdevkit.
    dataset: LocalPath | None = None
    # The folder of the user's own image lists, whose names in `data.lists` end in `.txt`. An image_labels.csv in it
    # replaces that of the dataset. A relative path starts at the working directory. If it does not exist there, it
    # starts at the project's folder.
    lists: LocalPath | None = None
    # The folder for downloaded archives. Archives that are already there are used.
    archives: LocalPath = "downloads"
    # Files of weights for backbones with `weights: file`, by the backbone's name.
    backbones: dict[str, LocalPath] = {}
    # Folders of CAMs for `cams.method: files`, by `cams.name`.
    cams: dict[str, LocalPath] = {}
    # Folders of label images for `pseudo_labels.method: files`, by `pseudo_labels.name`.
    pseudo_labels: dict[str, LocalPath] = {}
    # Folders of object masks, by `merged_labels.name`.
    merged_labels: dict[str, LocalPath] = {}
    # Files of finished classifiers, by `classifier.finished`.
    classifier: dict[str, LocalPath] = {}
    # Files of finished IRNets, by `irnet.finished`.
    irnet: dict[str, LocalPath] = {}
    # Files of finished segmentation networks, by `segmentation.finished`.
    segmentation: dict[str, LocalPath] = {}


class RunSettings(Settings):
    """Every stage of one run."""

    # The images and image-level labels.
    data: DataSettings
    # Training of the classifier. It may be left out if the run's CAMs or labels are files.
    classifier: ClassifierSettings | None = None
    # Class activation maps, or files in their place.
    cams: Annotated[CamSettings | CamFileSettings, Field(discriminator="method")] = PlainCamSettings()
    # The measure "CAM+CRF". No later stage uses it.
    cam_crf: CamCrfSettings = CamCrfSettings()
    # The labels that IRNet learns from.
    confident_labels: ConfidentLabelSettings = ConfidentLabelSettings()
    # Training of IRNet. It may be left out if the run needs no trained IRNet.
    irnet: IrnetSettings | None = None
    # The refinement that makes pseudo labels from CAMs, or files in its place.
    pseudo_labels: Annotated[PseudoLabelSettings | LabelFileSettings, Field(discriminator="method")] = (
        IrnetWalkSettings()
    )
    # Object masks that are merged into the pseudo labels. null: none.
    merged_labels: MergedLabelSettings | None = None
    # What the segmentation network is trained on. truth gives a fully supervised upper bound.
    supervision: Literal["pseudo_labels", "truth"] = "pseudo_labels"
    # Training of the segmentation network.
    segmentation: SegmentationSettings
    # The scores of the segmentation network.
    prediction: PredictionSettings = PredictionSettings()
    # The labels that are made from these scores.
    prediction_labels: PredictionLabelSettings = PredictionLabelSettings()
    # Scores of CAMs at many background scores.
    cam_curve: CamCurveSettings = CamCurveSettings()
    # The report of the run.
    report: ReportSettings = ReportSettings()

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        if self.has_classifier and self.classifier is None:
            raise ValueError(
                "classifier is missing: CAMs are made of it, unless cams or pseudo_labels are method: files"
            )
        misfit = None
        if self.classifier is not None and not isinstance(self.cams, CamFileSettings):
            misfit = self.cams.misfit(self.classifier)
        if misfit:
            raise ValueError(misfit)
        if self.has_irnet and self.irnet is None:
            raise ValueError(f"irnet is missing: pseudo_labels.method {self.pseudo_labels.method} trains it")
        return self

    @property
    def has_labels(self) -> bool:
        """Whether the segmentation network is trained on pseudo labels."""
        return self.supervision == "pseudo_labels" and self.segmentation.finished is None

    @property
    def has_cams(self) -> bool:
        """Whether the run has CAMs, its own or files."""
        return self.has_labels and not isinstance(self.pseudo_labels, LabelFileSettings)

    @property
    def cam_splits(self) -> tuple[str, ...]:
        """The splits that the run has CAMs of. Of val, CAMs are scored only."""
        if not self.has_cams:
            return ()
        return self.cams.splits if isinstance(self.cams, CamFileSettings) else ("train", "val")

    @property
    def has_classifier(self) -> bool:
        """Whether the run's CAMs come from a classifier."""
        return self.has_cams and not isinstance(self.cams, CamFileSettings)

    @property
    def files_in_place(self) -> dict[str, str]:
        """The names of the user's files that stages of the run are read from, by the stage, in the order of the run."""
        own: dict[str, Settings | None] = {
            "classifier": self.classifier if self.has_classifier else None,
            "cams": self.cams if self.has_cams else None,
            "irnet": self.irnet if self.has_irnet else None,
            "pseudo_labels": self.pseudo_labels if self.has_labels else None,
            "merged_labels": self.merged_labels if self.has_labels else None,
            "segmentation": self.segmentation,
        }
        return {stage: name for stage, settings in own.items() if (name := named_files(settings)) is not None}

    @property
    def trained(self) -> tuple[str, ...]:
        """The stages of the run that train a network, in their order."""
        has = {"classifier": self.has_classifier, "irnet": self.has_irnet, "segmentation": True}
        return tuple(stage for stage in TRAINED if has[stage] and stage not in self.files_in_place)

    @property
    def method(self) -> str:
        """The method of the classifier, or the names of the user's files that stand in its place."""
        own = [self.classifier.label] if self.classifier is not None and self.has_classifier else []
        files = [name for name in self.files_in_place.values() if name not in own]
        return ", ".join([*own, *files]) or "full supervision"

    @property
    def trained_on(self) -> str:
        """What the segmentation network is trained on, for pages."""
        named = "a finished network" if self.segmentation.finished else self.supervision.replace("_", " ")
        return ", ".join([named, *(f"{stage}: {name}" for stage, name in self.files_in_place.items())])

    @property
    def scored_stages(self) -> tuple[ScoredStage, ...]:
        """The stages that the run has scores of, if there are masks."""
        cams: tuple[ScoredStage, ...] = ("cam", "cam_crf") if self.has_cams else ()
        labels: tuple[ScoredStage, ...] = ("pseudo_label",) if self.has_labels else ()
        merged: tuple[ScoredStage, ...] = ("merged_label",) if self.has_labels and self.merged_labels else ()
        return (*cams, *labels, *merged, *OF_PREDICTIONS)

    @property
    def has_words(self) -> bool:
        """Whether the run's classifier has visual words."""
        return self.has_classifier and self.classifier is not None and self.classifier.words != "none"

    @property
    def has_irnet(self) -> bool:
        """Whether the run's labels come from an IRNet."""
        return self.has_cams and "irnet" in self.pseudo_labels.needs


# Fields that name the kind of a block. Blocks of different kinds have different keys.
TAGS = ("kind", "method")
STAGE_DEFAULTS: dict[str, Any] = {
    name: field.default.model_dump()
    for name, field in RunSettings.model_fields.items()
    if isinstance(field.default, Settings)
}


def settings_of(run: RunSettings, stage: str) -> Settings | None:
    """The settings of a stage of a run. None for `truth`, which has no settings."""
    return None if stage == "truth" else getattr(run, stage)


def named_files(settings: Settings | None) -> str | None:
    """The name of the user's files that a stage is read from; None if it is made from an earlier stage alone."""
    if isinstance(settings, TrainedPart):
        return settings.finished
    return settings.name if isinstance(settings, CamFileSettings | LabelFileSettings | MergedLabelSettings) else None


def read_settings(stage: str, key: str) -> Settings:
    """The settings of a stage from their key (`Settings.key`). What the key leaves out has the default of that stage.

    `stage` may also be `backbone`, for the backbone of any stage, or `run`, for all settings of a run.
    """
    if stage in WITHOUT_DEFAULTS:
        return WITHOUT_DEFAULTS[stage].model_validate_json(key)
    field = RunSettings.model_fields[stage]
    adapter: TypeAdapter[Settings] = TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type]
    return adapter.validate_python(completed(field.default, json.loads(key)))


# Settings without defaults, which are not a block of a run.
WITHOUT_DEFAULTS: Mapping[str, type[Settings]] = {"backbone": BackboneSettings, "run": RunSettings}
RunName = Annotated[str, Field(pattern="^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=LONGEST_NAME)]


class MachineSettings(Settings):
    """How the work is divided into jobs, and where files lie. It does not change any result."""

    # Where files are on this machine.
    locations: LocationSettings = LocationSettings()
    # Jobs per split for steps that work image by image. Take about as many as there are cores.
    shards: Positive = 1
    # Runs that a plain `snakemake` makes.
    targets: Annotated[tuple[RunName, ...], Field(min_length=1)] = ("default",)


class NamedRuns(Settings):
    """Named runs and comparisons."""

    # Changes of the base, by the name of the run.
    runs: dict[RunName, dict[str, Any] | None] = {}
    # Tables over rows and seeds, by the name of the comparison.
    comparisons: dict[RunName, ComparisonSettings] = {}


@dataclass(frozen=True)
class Comparison:
    """A comparison: the runs of each row by seed, perhaps a paper's figures, and whether to draw the visual words."""

    # The stage whose scores are compared.
    stage: ScoredStage
    # The run of each row and seed.
    rows: Mapping[str, Mapping[int, RunSettings]]
    # A paper's figures, shown beside the rows.
    published: PublishedSettings | None = None
    # Whether to draw the similarities of visual words.
    words: bool = False

    def key(self) -> str:
        """Canonical JSON of the stage, the key of each run, and all else that is shown. Rows keep their order."""
        rows = [[row, [[seed, run.key()] for seed, run in seeds.items()]] for row, seeds in self.rows.items()]
        beside = [self.published.key()] if self.published else []
        return json.dumps([self.stage, rows, *beside, *(["words"] if self.words else [])])


@dataclass(frozen=True)
class Config:
    """A config that has been read."""

    # Settings of this machine.
    machine: MachineSettings
    # All runs, by name.
    runs: Mapping[str, RunSettings]
    # All comparisons, by name.
    comparisons: Mapping[str, Comparison]


def read_config(config: Mapping[str, Any]) -> Config:
    """Read a config. The run `default` is the base without changes.

    Parameters
    ----------
    config : Mapping[str, Any]
        The config as YAML gives it.

    Returns
    -------
    Config
        The machine's settings, every named run, and the comparisons.

    Raises
    ------
    WsssError
        Naming each unknown key, wrong type or impossible combination.
    """
    if not config:
        raise WsssError("no config was read: run from the project's folder, or name one with --configfile FILE")
    allowed = [*RunSettings.model_fields, *NamedRuns.model_fields, *MachineSettings.model_fields]
    for key in config:
        if key not in allowed:
            raise WsssError(f"config: unknown key {key}; allowed here: {', '.join(allowed)}")
    base = dict(config)
    given = {key: base.pop(key) for key in NamedRuns.model_fields if key in base}
    named = NamedRuns.read("", {key: value for key, value in given.items() if value is not None})
    machine_values = {key: base.pop(key) for key in tuple(MachineSettings.model_fields) if key in base}
    machine = MachineSettings.read("", machine_values)
    runs = {"default": RunSettings.read("", base)}
    for name, values in named.runs.items():
        if name == "default":
            raise WsssError("config: runs.default: this name stands for the base without overrides; choose another")
        runs[name] = RunSettings.read(f"runs.{name}", merge(base, values or {}))
    unknown = [name for name in machine.targets if name not in runs]
    if unknown:
        raise WsssError(f"config: targets names no run {unknown[0]!r}; there are: {', '.join(runs)}")
    comparisons = {name: _comparison(f"comparisons.{name}", own, base) for name, own in named.comparisons.items()}
    rows = (run for own in comparisons.values() for seeds in own.rows.values() for run in seeds.values())
    _check_places(machine.locations, [*runs.values(), *rows])
    return Config(machine, runs, comparisons)


def _check_places(locations: LocationSettings, runs: Iterable[RunSettings]) -> None:
    """Raises WsssError if a run names lists or files of the user's own whose place `locations` does not say."""
    for run in runs:
        for stage, name in run.files_in_place.items():
            if name not in getattr(locations, stage):
                raise WsssError(
                    f"config: {stage}: {name!r} are files of your own: set locations.{stage} to {{{name}: PATH}}"
                )
        own = run.data.own_lists
        if own and locations.lists is None:
            raise WsssError(
                f"config: data.lists: {own[0]} is a list of your own: set locations.lists to the folder that holds it, "
                f"or name a list of the dataset, without .txt"
            )


def _comparison(key_path: str, settings: ComparisonSettings, base: Mapping[str, Any]) -> Comparison:
    """The runs of a comparison. A seed applies to every training of a run."""
    rows: dict[str, dict[int, RunSettings]] = {}
    for row, changes in settings.rows.items():
        changed = merge(base, changes or {})
        _check_seeds(f"{key_path}.rows.{row}", changes or {})
        own = [stage for stage in TRAINED if changed.get(stage) is not None]
        rows[row] = {
            seed: RunSettings.read(f"{key_path}.rows.{row}", merge(changed, {stage: {"seed": seed} for stage in own}))
            for seed in settings.seeds
        }
        for run in rows[row].values():
            _check_stage(f"{key_path}.rows.{row}", run, settings.stage)
    if settings.published:
        _check_protocol(f"{key_path}.published", settings.published, settings.stage, rows)
    if settings.words and not any(run.has_words for seeds in rows.values() for run in seeds.values()):
        raise WsssError(f"config: {key_path}.words: no row has visual words; set classifier.words")
    return Comparison(settings.stage, rows, settings.published, settings.words)


def _check_seeds(key_path: str, changes: Mapping[str, Any]) -> None:
    """Raises WsssError if a row sets a seed of its own."""
    for trained in TRAINED:
        if isinstance(own := changes.get(trained), Mapping) and "seed" in own:
            raise WsssError(f"config: {key_path}.{trained}.seed: seeds are the comparison's, the same for every row")


def _check_stage(key_path: str, run: RunSettings, stage: ScoredStage) -> None:
    """Raises WsssError if a run does not have the stage that is compared."""
    if stage not in run.scored_stages:
        raise WsssError(
            f"config: {key_path}: its runs have nothing of the stage {stage!r}; set the comparison's stage to one of "
            f"{', '.join(run.scored_stages)}"
        )


def _check_protocol(
    key_path: str, published: PublishedSettings, stage: ScoredStage, rows: Mapping[str, Mapping[int, RunSettings]]
) -> None:
    """Raises WsssError if the paper's figures are of other data, networks, initial weights or stages than the runs."""
    if published.stage != stage:
        raise WsssError(f"config: {key_path}.stage = {published.stage!r}, and the comparison is of the stage {stage!r}")
    for row in published.rows:
        if row not in rows:
            raise WsssError(f"config: {key_path}.rows names no row {row!r}; there are: {', '.join(rows)}")
        trunks = _trunks(published)
        if not all(_as_published(run, trunks, stage) for run in rows[row].values()):
            told = ", ".join(f"{stage} on {name}" for stage, name in trunks.items())
            raise WsssError(
                f"config: {key_path}.rows: {row} is of another protocol; figures are of data.kind voc12 with its own "
                f"lists and classes, of networks with weights: imagenet: {told}, and of crf.method dense_crf"
            )


def _trunks(published: PublishedSettings) -> dict[str, BackboneName]:
    """The papers' backbones, for each network that is trained up to the stage of the figures."""
    names: dict[str, BackboneName] = {"classifier": published.backbone}
    if published.stage not in ("cam", "cam_crf"):
        names["irnet"] = "resnet50"
    if published.stage in OF_PREDICTIONS:
        names["segmentation"] = "resnet101"
    return names


def _as_published(run: RunSettings, trunks: Mapping[str, BackboneName], scored: ScoredStage) -> bool:
    """Whether a run has the same data, networks, initial weights and final CRF as the figures."""
    if run.files_in_place:
        return False
    backbones = {stage: getattr(run, stage).backbone for stage in run.trained}
    last = {"cam_crf": run.cam_crf.crf, "prediction_crf": run.prediction_labels.crf}.get(scored)
    whole = Voc12Settings(kind="voc12", name=run.data.name)
    return (
        run.data == whole
        and {own.weights for own in backbones.values()} == {"imagenet"}
        and all(own.name == trunks[stage] for stage, own in backbones.items() if stage in trunks)
        and (last is None or last.method == "dense_crf")
    )


def merge(
    base: Mapping[str, Any], changes: Mapping[str, Any], defaults: Mapping[str, Any] = STAGE_DEFAULTS
) -> dict[str, Any]:
    """`base` with `changes` applied. Mappings are merged key by key. Anything else is replaced.

    A mapping is also replaced if the change names another kind or method than the base, because its keys are different.
    If the base names none, its kind or method is that of `defaults`.
    """
    merged = dict(base)
    for key, value in changes.items():
        old, default = merged.get(key), defaults.get(key)
        if not isinstance(old, Mapping) or not isinstance(value, Mapping):
            merged[key] = value
            continue
        default = default if isinstance(default, Mapping) else {}
        merged[key] = value if _names_another({**default, **old}, value) else merge(old, value, default)
    return merged


def _names_another(old: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    return any(tag in value and value[tag] != old.get(tag) for tag in TAGS)

"""A whole config: one base, named runs as overrides of it, and what concerns this machine only."""

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
from wsss.settings.cams import CamSettings, PlainCamSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.comparison import OF_PREDICTIONS, ComparisonSettings, PublishedSettings, ScoredStage
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.settings.data import DataSettings, Voc12Settings, is_own_list
from wsss.settings.irnet import IrnetSettings
from wsss.settings.prediction import PredictionSettings
from wsss.settings.prediction_labels import PredictionLabelSettings
from wsss.settings.pseudo_labels import IrnetWalkSettings, PseudoLabelSettings
from wsss.settings.report import ReportSettings
from wsss.settings.segmentation import SegmentationSettings
from wsss.settings.training import Positive

# Stages that train a network, and so have a seed.
TRAINED = ("classifier", "irnet", "segmentation")


# A path on this machine; a leading ~ is the user's home.
LocalPath = Annotated[str, Field(min_length=1), AfterValidator(os.path.expanduser)]


class LocationSettings(Settings):
    """Places on this machine; they are no part of any artifact's path."""

    # The folder of a dataset, in VOC layout. `kind: folder` needs it; `kind: voc12` takes it in place of the archives.
    dataset: LocalPath | None = None
    # The folder of the user's own image lists, those whose names in `data.lists` end in `.txt`. An image_labels.csv in
    # it takes the place of the dataset's. A relative place counts from the working directory or, where it is not there,
    # from the project's folder.
    lists: LocalPath | None = None
    # Where downloaded archives are kept, or already lie.
    archives: LocalPath = "downloads"
    # Weights for backbones with `weights: file`, by backbone name.
    backbones: dict[str, LocalPath] = {}


class RunSettings(Settings):
    """Every stage of one run."""

    data: DataSettings
    classifier: ClassifierSettings
    cams: CamSettings = PlainCamSettings()
    cam_crf: CamCrfSettings = CamCrfSettings()
    confident_labels: ConfidentLabelSettings = ConfidentLabelSettings()
    # May be left out where nothing of the run needs a trained IRNet.
    irnet: IrnetSettings | None = None
    pseudo_labels: PseudoLabelSettings = IrnetWalkSettings()
    # What the segmentation network is trained on: pseudo labels, or the truth for a fully supervised bound.
    supervision: Literal["pseudo_labels", "truth"] = "pseudo_labels"
    segmentation: SegmentationSettings
    prediction: PredictionSettings = PredictionSettings()
    prediction_labels: PredictionLabelSettings = PredictionLabelSettings()
    cam_curve: CamCurveSettings = CamCurveSettings()
    report: ReportSettings = ReportSettings()

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        if misfit := self.cams.misfit(self.classifier):
            raise ValueError(misfit)
        if self.trains_irnet and self.irnet is None:
            raise ValueError(f"irnet is missing: pseudo_labels.method {self.pseudo_labels.method} trains it")
        return self

    @property
    def trains_irnet(self) -> bool:
        """Whether the run's own labels come from a trained IRNet."""
        return self.supervision == "pseudo_labels" and "irnet" in self.pseudo_labels.needs


# What tells apart blocks of settings that have different keys.
TAGS = ("kind", "method")
STAGE_DEFAULTS: dict[str, Any] = {
    name: field.default.model_dump()
    for name, field in RunSettings.model_fields.items()
    if isinstance(field.default, Settings)
}


def settings_of(run: RunSettings, stage: str) -> Settings | None:
    """The settings of a stage of a run; None of the truth, which has none."""
    return None if stage == "truth" else getattr(run, stage)


def read_settings(stage: str, key: str) -> Settings:
    """The settings of a stage from their key (`Settings.key`), with the defaults of that stage for all it leaves out.

    The stage `backbone` is that of any network, `run` the whole of a run.
    """
    if stage in WITHOUT_DEFAULTS:
        return WITHOUT_DEFAULTS[stage].model_validate_json(key)
    field = RunSettings.model_fields[stage]
    adapter: TypeAdapter[Settings] = TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type]
    return adapter.validate_python(completed(field.default, json.loads(key)))


# Settings that are no block of a run.
WITHOUT_DEFAULTS: Mapping[str, type[Settings]] = {"backbone": BackboneSettings, "run": RunSettings}
RunName = Annotated[str, Field(pattern="^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]


class MachineSettings(Settings):
    """What decides how the work is cut and where files lie, never what it makes."""

    locations: LocationSettings = LocationSettings()
    # Jobs per split for steps that work image by image.
    shards: Positive = 1
    # Runs that the targets build.
    targets: Annotated[tuple[RunName, ...], Field(min_length=1)] = ("default",)


class NamedRuns(Settings):
    """Changes of the base, by the name of the run that they make."""

    runs: dict[RunName, dict[str, Any] | None] = {}
    comparisons: dict[RunName, ComparisonSettings] = {}


@dataclass(frozen=True)
class Comparison:
    """A table's rows, and each row's run by seed; a paper's figures to stand beside them, and whether to draw words."""

    stage: ScoredStage
    rows: Mapping[str, Mapping[int, RunSettings]]
    published: PublishedSettings | None = None
    words: bool = False

    def key(self) -> str:
        """Canonical JSON of the stage, of each run's key and of what else is shown; rows keep their order."""
        rows = [[row, [[seed, run.key()] for seed, run in seeds.items()]] for row, seeds in self.rows.items()]
        beside = [self.published.key()] if self.published else []
        return json.dumps([self.stage, rows, *beside, *(["words"] if self.words else [])])


@dataclass(frozen=True)
class Config:
    """Everything that a config says."""

    machine: MachineSettings
    runs: Mapping[str, RunSettings]
    comparisons: Mapping[str, Comparison]


def read_config(config: Mapping[str, Any]) -> Config:
    """Everything that a config says. The run `default` is the base alone.

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
    """Raises WsssError where a run names a list of the user's own and no place is set for these."""
    for run in runs:
        own = [name for name in run.data.lists.model_dump().values() if is_own_list(name)]
        if own and locations.lists is None:
            raise WsssError(
                f"config: data.lists: {own[0]} is a list of your own: set locations.lists to the folder that holds it, "
                f"or name a list of the dataset, without .txt"
            )


def _comparison(key_path: str, settings: ComparisonSettings, base: Mapping[str, Any]) -> Comparison:
    """The runs of a comparison; a seed counts for every training of a run."""
    rows: dict[str, dict[int, RunSettings]] = {}
    for row, changes in settings.rows.items():
        changed = merge(base, changes or {})
        _check_row(f"{key_path}.rows.{row}", changes or {}, changed, settings.stage)
        own = [stage for stage in TRAINED if changed.get(stage) is not None]
        rows[row] = {
            seed: RunSettings.read(f"{key_path}.rows.{row}", merge(changed, {stage: {"seed": seed} for stage in own}))
            for seed in settings.seeds
        }
    if settings.published:
        _check_protocol(f"{key_path}.published", settings.published, settings.stage, rows)
    if settings.words and all(run.classifier.words == "none" for seeds in rows.values() for run in seeds.values()):
        raise WsssError(f"config: {key_path}.words: no row has visual words; set classifier.words")
    return Comparison(settings.stage, rows, settings.published, settings.words)


def _check_row(key_path: str, changes: Mapping[str, Any], changed: Mapping[str, Any], stage: ScoredStage) -> None:
    """Raises WsssError for what the other rows would not share, or what this row would not have."""
    for trained in TRAINED:
        if isinstance(own := changes.get(trained), Mapping) and "seed" in own:
            raise WsssError(f"config: {key_path}.{trained}.seed: seeds are the comparison's, the same for every row")
    if changed.get("supervision") == "truth" and stage not in OF_PREDICTIONS:
        raise WsssError(
            f"config: {key_path}: supervision: truth has nothing of the stage {stage!r}; "
            "set the comparison's stage to prediction or prediction_crf"
        )


def _check_protocol(
    key_path: str, published: PublishedSettings, stage: ScoredStage, rows: Mapping[str, Mapping[int, RunSettings]]
) -> None:
    """Raises WsssError where a paper's figures would stand beside runs of other data, networks, starts or stages."""
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
    """The papers' backbones of the networks that are trained up to the stage of the figures."""
    names: dict[str, BackboneName] = {"classifier": published.backbone}
    if published.stage not in ("cam", "cam_crf"):
        names["irnet"] = "resnet50"
    if published.stage in OF_PREDICTIONS:
        names["segmentation"] = "resnet101"
    return names


def _as_published(run: RunSettings, trunks: Mapping[str, BackboneName], scored: ScoredStage) -> bool:
    """Whether a run has the figures' data, networks, as far as it trains them, starts and last CRF."""
    trained = [stage for stage in TRAINED if stage != "irnet" or stage in run.pseudo_labels.needs]
    backbones = {stage: own.backbone for stage in trained if (own := getattr(run, stage)) is not None}
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
    """`base` with `changes` laid over it; mappings merge key by key, anything else is replaced.

    A mapping is replaced too where the change names another kind or method than the base: it has other keys. A base
    that names none has that of `defaults`.
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

"""Every stage of one run: its settings, and which stages it has."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from wsss.settings.backbone import BackboneSettings
from wsss.settings.base import Settings, completed
from wsss.settings.cam_crf import CamCrfSettings
from wsss.settings.cam_curve import CamCurveSettings
from wsss.settings.cam_files import CamFileSettings
from wsss.settings.cams import CamSettings, PlainCamSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.comparison import OF_PREDICTIONS, ScoredStage
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.settings.data import DataSettings
from wsss.settings.finished import TrainedPart
from wsss.settings.irnet import IrnetSettings
from wsss.settings.label_files import LabelFileSettings
from wsss.settings.merged_labels import MergedLabelSettings
from wsss.settings.prediction import PredictionSettings
from wsss.settings.prediction_labels import PredictionLabelSettings
from wsss.settings.pseudo_labels import IrnetWalkSettings, PseudoLabelSettings
from wsss.settings.report import ReportSettings
from wsss.settings.segmentation import SegmentationSettings

# Stages that train a network. They have a seed.
TRAINED = ("classifier", "irnet", "segmentation")


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

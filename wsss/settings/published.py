"""Whether a paper's figures may stand beside runs: they must be of the same protocol."""

from collections.abc import Mapping

from wsss.errors import WsssError
from wsss.settings.backbone import BackboneName
from wsss.settings.comparison import OF_PREDICTIONS, PublishedSettings, ScoredStage
from wsss.settings.data import Voc12Settings
from wsss.settings.run import RunSettings


def check_protocol(
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
                f"lists and classes, of networks with weights: imagenet: {told}, of crf.method dense_crf, and of no "
                "files in place of stages"
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

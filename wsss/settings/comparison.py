"""Settings of a comparison: rows of a table over seeds, and a paper's figures to stand beside them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from wsss.settings.backbone import BackboneName
from wsss.settings.base import Settings
from wsss.settings.training import Seed

ScoredStage = Literal["cam", "cam_crf", "pseudo_label", "prediction", "prediction_crf"]
OF_PREDICTIONS: tuple[ScoredStage, ...] = ("prediction", "prediction_crf")
Percent = Annotated[float, Field(ge=0, le=100)]


def _distinct(seeds: tuple[Seed, ...]) -> tuple[Seed, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("a seed occurs twice")
    return seeds


class PublishedSettings(Settings):
    """A paper's mIoU of some rows, in percent. They are of PASCAL VOC 2012 and of networks that start from ImageNet.

    Where a comparison is of anything else, it is refused: a figure stands beside none of another protocol.
    """

    # Which table it is, and what its figures depend on; shown below them.
    source: Annotated[str, Field(min_length=1)]
    # What the figures are of: a stage, which says whether a CRF comes last, and the network of the classifier.
    stage: ScoredStage
    backbone: BackboneName
    rows: Annotated[dict[str, dict[Literal["train", "val"], Percent]], Field(min_length=1)]


class ComparisonSettings(Settings):
    """Rows of a table: changes of the base, each made with every seed, and scored after one stage.

    Rows are compared with the first one, seed by seed: equal seeds see equal batches.
    """

    stage: ScoredStage = "cam"
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_distinct)] = (0, 1, 2)
    rows: Annotated[dict[str, dict[str, Any] | None], Field(min_length=1)]
    published: PublishedSettings | None = None
    # Draw how alike the visual words of each row are, side by side; of the first seed.
    words: bool = False

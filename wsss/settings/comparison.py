"""Settings of a comparison: rows of a table over seeds, and perhaps a paper's figures."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from wsss.errors import shown
from wsss.settings.backbone import BackboneName
from wsss.settings.base import Settings
from wsss.settings.numbers import Real, Seed, Switch
from wsss.settings.values import LONGEST_NAME

ScoredStage = Literal["cam", "cam_crf", "pseudo_label", "merged_label", "prediction", "prediction_crf"]
OF_PREDICTIONS: tuple[ScoredStage, ...] = ("prediction", "prediction_crf")
Percent = Annotated[float, Real(0, 100)]


def _distinct(seeds: tuple[Seed, ...]) -> tuple[Seed, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("a seed occurs twice")
    return seeds


def _row_name(name: str) -> str:
    """The name of a row, which stands in tables and figures."""
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise ValueError(
            f"{shown(name)} cannot name a row: a name is a text of at most {LONGEST_NAME} characters without line "
            "breaks and other control characters"
        )
    return name


RowName = Annotated[str, AfterValidator(_row_name)]


class PublishedSettings(Settings):
    """A paper's mIoU of some rows, in percent, on PASCAL VOC 2012, with networks that start from ImageNet.

    A comparison with another protocol is refused, because the figures would not be comparable.
    """

    # The paper's table, and what its figures depend on. This text is shown below the figures.
    source: Annotated[str, Field(min_length=1)]
    # The stage that the figures are of. Its name says whether a CRF comes last.
    stage: ScoredStage
    # The backbone of the paper's classifier.
    backbone: BackboneName
    # mIoU in percent, by the name of the row and by split.
    rows: Annotated[dict[str, dict[Literal["train", "val"], Percent]], Field(min_length=1)]


class ComparisonSettings(Settings):
    """Rows of a table. Each row is a change of the base, run with every seed and scored after one stage.

    Rows are compared with the first row, seed by seed, because equal seeds see equal batches.
    """

    # The stage whose scores are compared. Later stages train more networks.
    stage: ScoredStage = "cam"
    # Seeds of each row. More seeds narrow the spread; each costs one more run of every row.
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=100), AfterValidator(_distinct)] = (0, 1, 2)
    # Changes of the base, by the name of the row.
    rows: Annotated[dict[RowName, dict[str, Any] | None], Field(min_length=1, max_length=100)]
    # A paper's figures, shown beside the rows.
    published: PublishedSettings | None = None
    # Whether to draw the similarities of each row's visual words, for the first seed.
    words: Switch = False

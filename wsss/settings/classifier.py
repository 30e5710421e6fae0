"""Settings of the classifier: pooling, visual words, objectives, training (VWE, IJCAI 2021; VWL, IJCV 2022)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wsss.settings.backbone import BackboneSettings
from wsss.settings.base import Settings
from wsss.settings.objectives import ObjectiveSettings, SecondStagePart
from wsss.settings.training import OptimiserSettings, Positive, Precision, Rate, Seed

# The modules of the visual words' code.
WORDS_CODE = {
    "vwe": "wsss.classification.learnt_words",
    "vwl_l": "wsss.classification.learnt_words",
    "vwl_m": "wsss.classification.banked_words",
}


class ClassifierSettings(Settings):
    """Defaults are the released VWL-L on VOC 2012, but for `stop_after_epoch`, and the backbone, which has none."""

    backbone: BackboneSettings
    # The global average, the global maximum, or hybrid pooling: HP of VWL, which is the HSPP of VWE.
    pooling: Literal["gap", "gmp", "hybrid"] = "hybrid"
    # Hybrid pooling: maxima over r x r cells for each r, and the weight of the global average (eq. 8-10 of VWL).
    regions: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1, 2, 4)
    gamma: Annotated[float, Field(ge=0)] = 2.0
    # Visual words: none; vwe (codebook learnt through the word-to-image loss); vwl_l (the same with DeCov and tau);
    # vwl_m (codebook of a memory bank; the released one trains layers 1 and 2 of the ResNet too: frozen_stages 1).
    words: Literal["none", "vwe", "vwl_l", "vwl_m"] = "vwl_l"
    vocabulary: Positive = 256
    tau: Annotated[float, Field(gt=0)] = 1.0
    decov_weight: Annotated[float, Field(ge=0)] = 1.0
    # Share of a batch's own words in the memory bank after it (eq. 7 of VWL).
    rho: Annotated[float, Field(gt=0, le=1)] = 1e-3
    # Where the papers and the authors' code differ: the equations as printed, or what the published numbers came from.
    formulation: Literal["released", "paper"] = "released"
    # Stages 1..n of the backbone's five stay as they start, the stem always; 3 is "up to layer2" of a ResNet.
    frozen_stages: Annotated[int, Field(ge=1, le=5)] = 3
    # Augmentation: long side drawn uniformly from this range (pixels), then a random crop, padded where needed.
    long_side: tuple[Positive, Positive] = (320, 640)
    crop: Positive = 512
    batch: Positive = 16
    epochs: Positive = 6
    # Training ends after this epoch although the schedule is laid out for `epochs`; the default is the last, and the
    # released VWL-L makes its CAMs after the fifth of six.
    stop_after_epoch: Positive | None = None
    lr: Rate = 0.01
    lr_heads: Rate = 0.1
    optimiser: OptimiserSettings = OptimiserSettings(momentum=1e-4, weight_decay=1e-4)
    precision: Precision = "float32"
    seed: Seed = 0
    # What is trained beside the image labels and the words, each method at most once: wsss/settings/objectives.py.
    objectives: tuple[ObjectiveSettings, ...] = ()

    @model_validator(mode="after")
    def _combination_is_possible(self) -> Self:
        if self.long_side[0] > self.long_side[1]:
            raise ValueError(f"long_side: {self.long_side[0]} is above {self.long_side[1]}; give (smallest, largest)")
        if self.stop_after_epoch is not None and self.stop_after_epoch > self.epochs:
            raise ValueError(f"stop_after_epoch {self.stop_after_epoch} is beyond the {self.epochs} epochs")
        if self.words != "vwl_l" and (self.tau != 1.0 or self.decov_weight != 1.0):
            raise ValueError(f"tau and decov_weight act on words: vwl_l only, and words is {self.words}")
        if self.words != "vwl_m" and self.rho != 1e-3:
            raise ValueError(f"rho acts on words: vwl_m only, and words is {self.words}")
        return self

    @model_validator(mode="after")
    def _objectives_fit(self) -> Self:
        methods = [one.method for one in self.objectives]
        if twice := [method for method in methods if methods.count(method) > 1]:
            raise ValueError(f"objectives: {twice[0]} stands there twice; name each method once")
        second = [one.method for one in self.objectives if isinstance(one, SecondStagePart)]
        if len(second) > 1:
            raise ValueError(
                f"objectives: {' and '.join(second)} each start from a finished classifier, by a schedule of their "
                "own; keep one of them"
            )
        return self

    @property
    def second_stage(self) -> SecondStagePart | None:
        """The objective that starts from a finished classifier; None where training starts from the backbone's."""
        return next((one for one in self.objectives if isinstance(one, SecondStagePart)), None)

    @property
    def start(self) -> "ClassifierSettings | None":
        """Settings of the finished classifier that this one starts from; None where there is none."""
        if self.second_stage is None:
            return None
        kept = tuple(one for one in self.objectives if one is not self.second_stage)
        return self.model_copy(update={"objectives": kept})

    @property
    def parts(self) -> frozenset[str]:
        """Full names of the modules of the words and of the objectives."""
        words = [WORDS_CODE[self.words]] if self.words in WORDS_CODE else []
        return super().parts.union(words)

    @property
    def label(self) -> str:
        """Short name of the method for paths and tables."""
        words = "" if self.words == "none" else self.words
        pooling = "" if words and self.pooling == "hybrid" else self.pooling
        reading = "" if self.formulation == "released" else self.formulation
        objectives = [one.method for one in self.objectives]
        return "_".join(filter(None, [words, pooling, reading, *objectives]))

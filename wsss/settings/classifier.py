"""Settings of the classifier: pooling, visual words, objectives, training (VWE, IJCAI 2021; VWL, IJCV 2022)."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from wsss.settings.backbone import BackboneSettings
from wsss.settings.finished import TrainedPart
from wsss.settings.numbers import Batch, Epochs, PositiveWeight, Rate, Real, Seed, Side, Weight, Whole
from wsss.settings.objectives import ObjectiveSettings, SecondStagePart
from wsss.settings.training import OptimiserSettings, Precision

# The modules of the visual words' code.
WORDS_CODE = {
    "vwe": "wsss.classification.learnt_words",
    "vwl_l": "wsss.classification.learnt_words",
    "vwl_m": "wsss.classification.banked_words",
}


class ClassifierSettings(TrainedPart):
    """Settings of the classifier. Defaults are the released VWL-L on VOC 2012, except for `stop_after_epoch`.

    The backbone has no default.
    """

    of_the_network: ClassVar[frozenset[str]] = frozenset(
        {"backbone", "pooling", "regions", "gamma", "words", "vocabulary", "tau", "formulation", "objectives"}
    )

    # The network that gives the features, and its initial weights.
    backbone: BackboneSettings
    # gap: global average. gmp: global maximum. hybrid: hybrid pooling, called HP in VWL and HSPP in VWE.
    pooling: Literal["gap", "gmp", "hybrid"] = "hybrid"
    # Hybrid pooling: for each r of this list, the mean of the maxima of r x r cells (VWL eq. 8).
    regions: Annotated[tuple[Side, ...], Field(min_length=1, max_length=32)] = (1, 2, 4)
    # Hybrid pooling: the weight of the global average (VWL eq. 10). 0 leaves the average out.
    gamma: Weight = 2.0
    # Visual words. none: no words. vwe: the codebook is learnt by the word-to-image loss. vwl_l: as vwe, plus DeCov
    # and tau. vwl_m: the codebook is a memory bank. For the released VWL-M set frozen_stages to 1, since it also trains
    # layers 1 and 2 of the ResNet.
    words: Literal["none", "vwe", "vwl_l", "vwl_m"] = "vwl_l"
    # k, the number of visual words.
    vocabulary: Annotated[int, Whole(1, 65_536)] = 256
    # vwl_l only: the factor of the similarities in the softmax over the words (VWL eq. 3).
    tau: PositiveWeight = 1.0
    # vwl_l only: the weight of the DeCov loss (VWL eq. 13).
    decov_weight: Weight = 1.0
    # vwl_m only: the share of a batch's own words when the memory bank is updated (VWL eq. 7).
    rho: Annotated[float, Real(0, 1, above=True)] = 1e-3
    # What to follow where the papers and the authors' code differ. released: the code, which gave the published
    # numbers. paper: the equations as printed.
    formulation: Literal["released", "paper"] = "released"
    # The first n of the backbone's five stages are not trained. 1 is the stem alone; 3 is "up to layer2" of a ResNet.
    frozen_stages: Annotated[int, Whole(1, 5)] = 3
    # Augmentation: the image is resized, its long side is drawn from this range in pixels. Choose it around the size of
    # your images.
    long_side: tuple[Side, Side] = (320, 640)
    # Side of the random square crop, in pixels. Smaller images are padded.
    crop: Side = 512
    # Images in a batch. Lower it if memory runs out.
    batch: Batch = 16
    # Passes through the train list. Take more for few images.
    epochs: Epochs = 6
    # Training ends after this epoch, but the learning rate still follows the schedule of `epochs`. None: after the last
    # epoch. The released VWL-L makes its CAMs after the fifth of six epochs.
    stop_after_epoch: Epochs | None = None
    # First learning rate of the backbone.
    lr: Rate = 0.01
    # First learning rate of everything outside the backbone. Take 0.01 for efficientnet_lite0 (docs/decisions.md).
    lr_heads: Rate = 0.1
    # SGD's momentum, weight decay and schedule. The released code has a momentum of 1e-4, the papers print 0.9.
    optimiser: OptimiserSettings = OptimiserSettings(momentum=1e-4, weight_decay=1e-4)
    # Number format of the forward pass. bfloat16 is faster, mainly on a GPU.
    precision: Precision = "float32"
    # Seed of the heads' initial weights, the order of the images and the augmentation.
    seed: Seed = 0
    # Further objectives, beside the image labels and the words (wsss/settings/objectives.py). Each method at most once.
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
        """The objective that starts from a finished classifier; None if training starts from the backbone's weights."""
        return next((one for one in self.objectives if isinstance(one, SecondStagePart)), None)

    @property
    def start(self) -> "ClassifierSettings | None":
        """Settings of the finished classifier that this one starts from; None if there is none."""
        if self.second_stage is None or self.finished:
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
        if self.finished:
            return self.finished
        words = "" if self.words == "none" else self.words
        pooling = "" if words and self.pooling == "hybrid" else self.pooling
        reading = "" if self.formulation == "released" else self.formulation
        objectives = [one.method for one in self.objectives]
        return "_".join(filter(None, [words, pooling, reading, *objectives]))

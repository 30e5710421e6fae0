"""Settings of the classifier's objectives beside the image labels and the visual words: one class a method.

Each class names the method by the literal `method`, and the module of its code by `code`.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wsss.settings.base import Settings
from wsss.settings.training import Positive, Rate


class ObjectivePart(Settings):
    """What every objective has. Besides `method`, each of its settings has a default."""

    method: str


class SecondStagePart(ObjectivePart):
    """An objective that starts from a finished classifier and trains it on by a schedule of its own."""

    epochs: Positive
    # The first rate of what the finished classifier has: trunk and heads.
    lr: Rate
    # The first rate of the objective's own parameters.
    lr_heads: Rate


class RecamSettings(SecondStagePart):
    """ReCAM (CVPR 2022). Defaults are the released ones on VOC 2012; on COCO 2014 weight 0.1 and maps: first_head."""

    code: ClassVar[str] = "wsss.classification.recam"
    method: Literal["recam"]
    # The weight of the softmax head's loss.
    weight: Annotated[float, Field(ge=0)] = 1.0
    epochs: Positive = 4
    lr: Rate = 5e-5
    lr_heads: Rate = 5e-4
    # What CAMs are made with: the product of both heads' weights, or W^img of the trained network alone.
    maps: Literal["product", "first_head"] = "product"


# Every objective there is: a new one joins this line, as `RecamSettings | NewSettings`.
ObjectiveSettings = Annotated[RecamSettings, Field(discriminator="method")]

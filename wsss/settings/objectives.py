"""Settings of the classifier's objectives beside the image labels and the visual words: one class for each method.

In each class, `method` is the name of the method and `code` is the module of its code.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wsss.settings.base import Settings
from wsss.settings.numbers import Epochs, Rate, Weight


class ObjectivePart(Settings):
    """Settings that every objective has. Every setting has a default, except `method`."""

    # The objective.
    method: str


class SecondStagePart(ObjectivePart):
    """An objective that starts from a finished classifier and trains it further, with its own schedule."""

    # Passes through the train list.
    epochs: Epochs
    # First learning rate of everything that the finished classifier has: backbone and heads.
    lr: Rate
    # First learning rate of the objective's own parameters.
    lr_heads: Rate


class RecamSettings(SecondStagePart):
    """ReCAM (CVPR 2022). Defaults are those released for VOC 2012. For COCO 2014: weight 0.1 and maps: first_head."""

    code: ClassVar[str] = "wsss.classification.recam"
    # The name of this objective.
    method: Literal["recam"]
    # Weight of the loss of the softmax head.
    weight: Weight = 1.0
    # Passes through the train list, after the classifier's own.
    epochs: Epochs = 4
    # First learning rate of the finished classifier's backbone and heads.
    lr: Rate = 5e-5
    # First learning rate of the softmax head.
    lr_heads: Rate = 5e-4
    # The weights that make the CAMs. product: the product of both heads' weights. first_head: W^img alone.
    maps: Literal["product", "first_head"] = "product"


# All objectives. Add a new one to this line, as `RecamSettings | NewSettings`.
ObjectiveSettings = Annotated[RecamSettings, Field(discriminator="method")]

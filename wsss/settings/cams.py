"""Settings of multi-scale class activation maps: a frame that all methods share, and one class a method.

Each class names the method by the literal `method`, and the module of its code by `code`.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wsss.settings.base import Settings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.training import Precision

Mirrors = Literal["max", "add"]


class CamPart(Settings):
    """The frame: each scale sees the image and its mirror, their CAMs are joined, and the scales are summed.

    Besides `method`, each setting of a method has a default.
    """

    method: str
    scales: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (1.0, 0.5, 1.5, 2.0)
    precision: Precision = "float32"
    store_dtype: Literal["float16", "float32"] = "float16"
    # How the CAMs of the image and of its mirror are joined: VWE and VWL take the maximum, IRNet and ReCAM the sum.
    mirrors: Mirrors = "max"

    @property
    def label(self) -> str:
        """The method, unless it is the default."""
        return "" if self.method == "plain" else self.method

    def misfit(self, classifier: ClassifierSettings) -> str | None:
        """Why the CAMs of this classifier cannot be made so; None where they can."""
        return None


class PlainCamSettings(CamPart):
    """W^img at each pixel of the features, as in VWL and the released codes of VWE and VWL."""

    code: ClassVar[str] = "wsss.cams.plain"
    method: Literal["plain"] = "plain"


class ImageAndWordsSettings(CamPart):
    """The plain maps joined by max with the maps of the visual words (VWE eq. 10-12)."""

    code: ClassVar[str] = "wsss.cams.image_and_words"
    method: Literal["image_and_words"]

    def misfit(self, classifier: ClassifierSettings) -> str | None:
        if classifier.words in ("vwe", "vwl_l"):
            return None
        return (
            "cams.method: image_and_words needs words that are mapped to classes, classifier.words: vwe or vwl_l, "
            f"and it is {classifier.words}"
        )


# Every CAM method there is: a new one joins this line. The first is the default.
CamSettings = Annotated[PlainCamSettings | ImageAndWordsSettings, Field(discriminator="method")]

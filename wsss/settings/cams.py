"""Settings of multi-scale class activation maps: settings that all methods share, and one class for each method.

In each class, `method` is the name of the method and `code` is the module of its code.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wsss.settings.base import Settings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.numbers import Factor
from wsss.settings.training import Precision

Mirrors = Literal["max", "add"]


class CamPart(Settings):
    """Settings that all CAM methods share.

    At each scale, the CAMs of the image and of its mirror are joined. Then the scales are summed. Every setting of a
    method has a default, except `method`.
    """

    # The CAM method.
    method: str
    # Factors of the image's size. For images below 200 pixels leave out the small ones.
    scales: Annotated[tuple[Factor, ...], Field(min_length=1, max_length=32)] = (1.0, 0.5, 1.5, 2.0)
    # Number format of the backbone. bfloat16 is faster, mainly on a GPU; the maps differ slightly.
    precision: Precision = "float32"
    # Number format of the stored CAMs. float16 halves the files.
    store_dtype: Literal["float16", "float32"] = "float16"
    # How the CAMs of the image and of its mirror are joined. VWE and VWL take the maximum, IRNet and ReCAM the sum.
    mirrors: Mirrors = "max"

    @property
    def label(self) -> str:
        """The method, unless it is the default."""
        return "" if self.method == "plain" else self.method

    def misfit(self, classifier: ClassifierSettings) -> str | None:
        """Why this method cannot make CAMs of this classifier; None if it can."""
        return None


class PlainCamSettings(CamPart):
    """W^img applied at each pixel of the features, as in VWL and in the released code of VWE and VWL."""

    code: ClassVar[str] = "wsss.cams.plain"
    # The name of this method.
    method: Literal["plain"] = "plain"


class ImageAndWordsSettings(CamPart):
    """The maximum of the plain maps and the maps of the visual words (VWE eq. 10-12)."""

    code: ClassVar[str] = "wsss.cams.image_and_words"
    # The name of this method.
    method: Literal["image_and_words"]

    def misfit(self, classifier: ClassifierSettings) -> str | None:
        if classifier.words in ("vwe", "vwl_l"):
            return None
        return (
            "cams.method: image_and_words needs words that are mapped to classes, classifier.words: vwe or vwl_l, "
            f"and it is {classifier.words}"
        )


# All CAM methods. Add a new one at the end of this line: the first one is the default.
CamSettings = Annotated[PlainCamSettings | ImageAndWordsSettings, Field(discriminator="method")]

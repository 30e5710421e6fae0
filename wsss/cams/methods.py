"""The chooser of CAM methods: from settings to the part that they name. It imports the chosen part alone."""

from typing import assert_never

from wsss.cams.method import CamMethod
from wsss.settings.cams import CamSettings


def cam_method(settings: CamSettings) -> CamMethod:
    """The method that the settings name."""
    match settings.method:
        case "plain":
            from wsss.cams.plain import Plain

            return Plain(settings)
        case "image_and_words":
            from wsss.cams.image_and_words import ImageAndWords

            return ImageAndWords(settings)
        case method:
            assert_never(method)

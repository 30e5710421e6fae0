"""Makes the CAM method that the settings name."""

from wsss.cams.method import CamMethod
from wsss.runtime.parts import load_part
from wsss.settings.cams import CamSettings


def cam_method(settings: CamSettings) -> CamMethod:
    """The CAM method that the settings name, made by `build(settings)` of its module.

    Parameters
    ----------
    settings : CamSettings
        The settings of the CAMs.

    Returns
    -------
    CamMethod
        The method.
    """
    method: CamMethod = load_part(settings.code).build(settings)
    return method

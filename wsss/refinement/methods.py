"""Makes the refinement that the settings of pseudo labels name."""

from wsss.refinement.method import Refinement, Trainings
from wsss.runtime.parts import load_part
from wsss.settings.pseudo_labels import PseudoLabelSettings


def refinement_of(settings: PseudoLabelSettings, trainings: Trainings) -> Refinement:
    """The refinement `settings.method`, made by `build(settings, trainings)` of its module.

    Parameters
    ----------
    settings : PseudoLabelSettings
        The settings of the pseudo labels.
    trainings : Trainings
        The results of earlier trainings.

    Returns
    -------
    Refinement
        The method.

    Raises
    ------
    WsssError
        If it needs a training that `trainings` does not have.
    """
    refinement: Refinement = load_part(settings.code).build(settings, trainings)
    return refinement

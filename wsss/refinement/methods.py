"""From the settings of pseudo labels to the refinement that they name."""

from wsss.refinement.method import Refinement, Trainings
from wsss.runtime.parts import load_part
from wsss.settings.pseudo_labels import PseudoLabelSettings


def refinement_of(settings: PseudoLabelSettings, trainings: Trainings) -> Refinement:
    """The refinement of `settings.method`, by the `build(settings, trainings)` of its module.

    Parameters
    ----------
    settings : PseudoLabelSettings
        The settings of the pseudo labels.
    trainings : Trainings
        What the trainings before left.

    Returns
    -------
    Refinement
        The method.

    Raises
    ------
    WsssError
        Where it needs a training that `trainings` lacks.
    """
    refinement: Refinement = load_part(settings.code).build(settings, trainings)
    return refinement

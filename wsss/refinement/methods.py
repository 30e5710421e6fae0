"""Which refinement the settings name. A method is imported only where it is used: some need torch, some do not."""

from typing import assert_never

from wsss.refinement.method import Refinement, Trainings
from wsss.settings.pseudo_labels import (
    CrfLabelSettings,
    IrnetWalkSettings,
    PamrLabelSettings,
    PlainLabelSettings,
    PseudoLabelSettings,
)


def refinement_of(settings: PseudoLabelSettings, trainings: Trainings) -> Refinement:
    """The refinement of `settings.method`, ready for any number of images.

    Raises WsssError where it needs a training that `trainings` lacks.
    """
    if isinstance(settings, IrnetWalkSettings):
        from wsss.refinement import irnet_walk

        return irnet_walk.build(settings, trainings)
    if isinstance(settings, PamrLabelSettings):
        from wsss.refinement import pamr_labels

        return pamr_labels.build(settings, trainings)
    if isinstance(settings, CrfLabelSettings):
        from wsss.refinement import crf_labels

        return crf_labels.build(settings, trainings)
    if isinstance(settings, PlainLabelSettings):
        from wsss.refinement import plain_labels

        return plain_labels.build(settings, trainings)
    assert_never(settings)

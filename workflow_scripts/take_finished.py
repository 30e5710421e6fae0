"""Take a finished network of a user, after a check that it is the network of the settings."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.classification.classifier import build_classifier
    from wsss.data.dataset import Dataset
    from wsss.networks.backbones import backbone_of
    from wsss.networks.saved_weights import take_weights
    from wsss.refinement.irnet.network import EdgeNetwork
    from wsss.segmentation.model import check_classes
    from wsss.segmentation.training import build_segmenter
    from wsss.settings.run import read_settings

    stage = snakemake.wildcards.finished.partition("-")[0]
    settings = read_settings(stage, snakemake.params.settings)
    dataset = Dataset(Path(snakemake.input.images).parent)
    source, out = Path(getattr(locations(snakemake), stage)[settings.finished]), Path(snakemake.output.weights)
    if stage == "classifier":
        take_weights(source, build_classifier(settings, len(dataset.classes)), out)
    elif stage == "irnet":
        take_weights(source, EdgeNetwork(backbone_of(settings.backbone), settings.displacement), out, "backbone.")
    else:
        check_classes(source, dataset)
        take_weights(source, build_segmenter(settings, len(dataset.classes)), out)

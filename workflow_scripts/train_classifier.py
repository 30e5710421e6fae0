"""Train the classifier."""

from pathlib import Path

from step import machine, training

with training(snakemake):
    from wsss.classification.training import train_classifier
    from wsss.data.dataset import Dataset
    from wsss.settings.run import read_settings

    train_classifier(
        Dataset(Path(snakemake.input.images).parent),
        read_settings("classifier", snakemake.params.settings),
        Path(snakemake.input.initial),
        Path(snakemake.output.weights).parent,
        machine(snakemake),
        Path(start) if (start := snakemake.input.get("start")) else None,
    )

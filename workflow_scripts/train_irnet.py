"""Train IRNet's edges on the confident labels."""

from pathlib import Path

from step import machine, training, write_code

with training(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.manifests.listed_files import ListedFiles
    from wsss.refinement.irnet.training import train_irnet
    from wsss.settings.run import read_settings

    train_irnet(
        Dataset(Path(snakemake.input.images).parent),
        ListedFiles(Path(snakemake.input.labels)),
        read_settings("irnet", snakemake.params.settings),
        Path(snakemake.input.initial),
        Path(snakemake.output.weights).parent,
        machine(snakemake),
    )
    write_code(snakemake)

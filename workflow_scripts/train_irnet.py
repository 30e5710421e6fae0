"""Train IRNet's edges on the confident labels."""

from pathlib import Path

from step import machine, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.files import write_text
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
    write_text(Path(snakemake.output.code), f"{snakemake.params.code}\n")

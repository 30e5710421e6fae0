"""Write masks and overlays of all photographs of a run for people."""

from pathlib import Path

from step import stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.reporting.masks import write_masks

    write_masks(
        Dataset(Path(snakemake.input.images).parent),
        snakemake.params.splits,
        stage_folder(snakemake.input.labels[0]),
        Path(snakemake.output.index).parent,
        snakemake.threads,
    )

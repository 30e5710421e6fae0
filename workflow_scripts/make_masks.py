"""Write masks and overlays of all photographs of a run for people."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.manifests.listed_files import ListedFiles
    from wsss.reporting.masks import write_masks

    write_masks(
        Dataset(Path(snakemake.input.images).parent),
        dict(zip(snakemake.params.splits, map(ListedFiles, map(Path, snakemake.input.labels)), strict=True)),
        Path(snakemake.output.index).parent,
        snakemake.threads,
    )

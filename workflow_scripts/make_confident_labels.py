"""Make the confident labels of a shard from its CAMs."""

from pathlib import Path

from step import stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.manifests.listed_files import ListedFiles
    from wsss.refinement.confident_labels import write_confident_shard
    from wsss.settings.run import read_settings

    dataset = Dataset(Path(snakemake.input.images).parent)
    write_confident_shard(
        dataset,
        dataset.shard("train", snakemake.wildcards.shard),
        ListedFiles(Path(snakemake.input.cams)),
        read_settings("confident_labels", snakemake.params.settings),
        stage_folder(snakemake.output.manifest),
        Path(snakemake.output.manifest),
    )

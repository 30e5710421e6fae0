"""Merge the object masks of a shard into its pseudo labels."""

from pathlib import Path

from step import locations, stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.manifests.listed_files import ListedFiles
    from wsss.refinement.object_masks.merged_labels import write_merged_shard
    from wsss.settings.run import read_settings

    settings = read_settings("merged_labels", snakemake.params.settings)
    dataset = Dataset(Path(snakemake.input.images).parent)
    write_merged_shard(
        dataset,
        dataset.shard("train", snakemake.wildcards.shard),
        ListedFiles(Path(snakemake.input.labels)),
        Path(locations(snakemake).merged_labels[settings.name]),
        settings,
        stage_folder(snakemake.output.manifest),
        Path(snakemake.output.manifest),
    )

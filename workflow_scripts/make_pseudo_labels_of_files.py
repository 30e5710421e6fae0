"""Make the pseudo labels of a shard from a user's label images."""

from pathlib import Path

from step import locations, stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.refinement.label_files import write_label_file_shard
    from wsss.settings.run import read_settings

    settings = read_settings("pseudo_labels", snakemake.params.settings)
    dataset = Dataset(Path(snakemake.input.images).parent)
    write_label_file_shard(
        dataset,
        dataset.shard("train", snakemake.wildcards.shard),
        Path(locations(snakemake).pseudo_labels[settings.name]),
        settings,
        stage_folder(snakemake.output.manifest),
        Path(snakemake.output.manifest),
    )

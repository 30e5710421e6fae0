"""Make the class activation maps of a shard."""

from pathlib import Path

from step import stage_folder, step

with step(snakemake):
    from wsss.cams.shards import write_cam_shard
    from wsss.data.dataset import Dataset
    from wsss.settings.run import read_settings

    dataset = Dataset(Path(snakemake.input.images).parent)
    write_cam_shard(
        dataset,
        dataset.shard(snakemake.wildcards.split, snakemake.wildcards.shard),
        Path(snakemake.input.weights),
        read_settings("classifier", snakemake.params.classifier),
        read_settings("cams", snakemake.params.settings),
        stage_folder(snakemake.output.manifest),
        Path(snakemake.output.manifest),
    )

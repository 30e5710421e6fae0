"""Make the CAM stores of a shard from a user's files."""

from pathlib import Path

from step import locations, stage_folder, step

with step(snakemake):
    from wsss.cams.files.shards import write_cam_file_shard
    from wsss.data.dataset import Dataset
    from wsss.settings.run import read_settings

    settings = read_settings("cams", snakemake.params.settings)
    dataset = Dataset(Path(snakemake.input.images).parent)
    write_cam_file_shard(
        dataset,
        dataset.shard(snakemake.wildcards.split, snakemake.wildcards.shard),
        Path(locations(snakemake).cams[settings.name]),
        settings,
        stage_folder(snakemake.output.manifest),
        Path(snakemake.output.manifest),
    )

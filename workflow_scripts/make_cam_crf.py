"""Make labels of the scored images of a shard from their CAMs with a CRF."""

from pathlib import Path

from step import stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.evaluation.cam_crf import write_cam_crf_shard
    from wsss.manifests.listed_files import ListedFiles
    from wsss.settings.run import read_settings

    dataset = Dataset(Path(snakemake.input.images).parent)
    write_cam_crf_shard(
        dataset,
        dataset.scored_shard(snakemake.wildcards.split, snakemake.wildcards.shard),
        ListedFiles(Path(snakemake.input.cams)),
        read_settings("cam_crf", snakemake.params.settings),
        stage_folder(snakemake.output.manifest),
        Path(snakemake.output.manifest),
    )

"""Write the segmentation network's scores of a shard."""

from pathlib import Path

from step import stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.segmentation.prediction import write_score_shard
    from wsss.settings.run import read_settings

    dataset = Dataset(Path(snakemake.input.images).parent)
    write_score_shard(
        dataset,
        dataset.shard(snakemake.wildcards.split, snakemake.wildcards.shard),
        Path(snakemake.input.weights),
        read_settings("segmentation", snakemake.params.segmentation),
        read_settings("prediction", snakemake.params.settings),
        stage_folder(snakemake.output.manifest),
        Path(snakemake.output.manifest),
    )

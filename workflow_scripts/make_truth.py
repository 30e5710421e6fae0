"""Write the ground truth of a shard as training labels, for a fully supervised upper bound."""

from pathlib import Path

from step import stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.segmentation.truth import write_truth_shard

    dataset = Dataset(Path(snakemake.input.images).parent)
    write_truth_shard(
        dataset,
        dataset.shard("train", snakemake.wildcards.shard),
        stage_folder(snakemake.output.manifest),
        Path(snakemake.output.manifest),
    )

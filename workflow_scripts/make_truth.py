"""Write the ground truth of a shard as training labels, for a fully supervised upper bound."""

from pathlib import Path

from step import stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.stores.label_images import write_label_shard

    dataset = Dataset(Path(snakemake.input.images).parent)
    write_label_shard(
        dataset.values,
        dataset.shard("train", snakemake.wildcards.shard),
        dataset.truth,
        stage_folder(snakemake.output.manifest),
        Path(snakemake.output.manifest),
        "taking the truth",
    )

"""Make the confident labels of a shard from its CAMs."""

from pathlib import Path

from step import stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.refinement.confident_labels import write_confident_shard
    from wsss.settings.confident_labels import ConfidentLabelSettings

    dataset = Dataset(Path(snakemake.input.images).parent)
    write_confident_shard(
        dataset,
        dataset.shard("train", snakemake.wildcards.shard),
        stage_folder(snakemake.input.cams),
        ConfidentLabelSettings.model_validate_json(snakemake.params.settings),
        stage_folder(snakemake.output.manifest),
        Path(snakemake.output.manifest),
    )

"""Make the pseudo labels of a shard: its CAMs refined by the method that the settings name."""

from pathlib import Path

from step import stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.manifests.listed_files import ListedFiles
    from wsss.refinement.method import IrnetTraining, Trainings
    from wsss.refinement.pseudo_labels import write_pseudo_shard
    from wsss.settings.run import read_settings

    dataset = Dataset(Path(snakemake.input.images).parent)
    irnet = None
    if snakemake.input.get("weights"):
        irnet = IrnetTraining(
            read_settings("irnet", snakemake.params.irnet),
            Path(snakemake.input.initial),
            Path(snakemake.input.weights),
        )
    write_pseudo_shard(
        dataset,
        dataset.shard("train", snakemake.wildcards.shard),
        ListedFiles(Path(snakemake.input.cams)),
        read_settings("pseudo_labels", snakemake.params.settings),
        Trainings(irnet),
        stage_folder(snakemake.output.manifest),
        Path(snakemake.output.manifest),
    )

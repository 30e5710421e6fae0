"""Check all object masks of a user at once: some for each image, of its size."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.files import write_text
    from wsss.refinement.object_masks.merged_labels import check_object_masks
    from wsss.settings.run import read_settings

    settings = read_settings("merged_labels", snakemake.params.settings)
    dataset, folder = (
        Dataset(Path(snakemake.input.images).parent),
        Path(locations(snakemake).merged_labels[settings.name]),
    )
    check_object_masks(dataset, dataset.ids("train"), folder, settings, snakemake.threads)
    write_text(Path(snakemake.output.checked), f"{snakemake.params.content}\n")

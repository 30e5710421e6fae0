"""Check all label images of a user at once: a file for each image, of its size and with known values."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.files import write_text
    from wsss.refinement.label_files import check_label_files
    from wsss.settings.run import read_settings

    settings = read_settings("pseudo_labels", snakemake.params.settings)
    folder = Path(locations(snakemake).pseudo_labels[settings.name])
    check_label_files(Dataset(Path(snakemake.input.images).parent), folder, settings, snakemake.threads)
    write_text(Path(snakemake.output.checked), f"{snakemake.params.content}\n")

"""Check all CAM files of a user at once: a file for each image, of its size and its classes."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.cams.files.check import check_cam_files
    from wsss.data.dataset import Dataset
    from wsss.files import write_text
    from wsss.settings.run import read_settings

    settings = read_settings("cams", snakemake.params.settings)
    dataset, folder = Dataset(Path(snakemake.input.images).parent), Path(locations(snakemake).cams[settings.name])
    ids = [image_id for split in settings.splits for image_id in dataset.ids(split)]
    check_cam_files(dataset, ids, folder, settings, snakemake.threads)
    write_text(Path(snakemake.output.checked), f"{snakemake.params.content}\n")

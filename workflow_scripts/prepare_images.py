"""Prepare a folder of photographs with labels from a table or from folders for the workflow."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.data.preparation import prepare
    from wsss.data.sources.own_images import list_images
    from wsss.errors import WsssError
    from wsss.settings.run import read_settings

    settings, places = read_settings("data", snakemake.params.settings), locations(snakemake)
    if places.dataset is None:
        raise WsssError("config: locations.dataset is missing: set it to the folder of the photographs")
    listing, root = (
        list_images(settings, Path(places.dataset), places.lists_folder),
        Path(snakemake.output.images).parent,
    )
    prepare(listing, root, snakemake.threads, settings.max_pixels, settings.on_bad_image == "skip")

"""Prepare images with annotations in COCO's form for the workflow."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.data.preparation import prepare
    from wsss.data.sources.coco import list_coco
    from wsss.data.sources.coco14 import list_coco14
    from wsss.errors import WsssError
    from wsss.settings.run import read_settings

    settings, places = read_settings("data", snakemake.params.settings), locations(snakemake)
    if places.dataset is None:
        raise WsssError("config: locations.dataset is missing: set it to the folder of the annotations and photographs")
    root, list_images = Path(snakemake.output.images).parent, list_coco if settings.kind == "coco" else list_coco14
    listing = list_images(settings, Path(places.dataset), root, snakemake.threads)
    prepare(listing, root, snakemake.threads, settings.max_pixels, settings.on_bad_image == "skip")

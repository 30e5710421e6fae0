"""Prepare a folder in VOC layout, or an unpacked VOCdevkit, for the workflow."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.data.preparation import prepare
    from wsss.data.sources.folder import list_folder
    from wsss.data.sources.voc_devkit import list_voc12
    from wsss.errors import WsssError
    from wsss.settings.run import read_settings

    settings, places = read_settings("data", snakemake.params.settings), locations(snakemake)
    if places.dataset is None:
        raise WsssError("config: locations.dataset is missing: set it to the folder of the dataset, in VOC layout")
    root, threads, own = Path(snakemake.output.images).parent, snakemake.threads, places.lists_folder
    named = (Path(places.dataset), settings.classes, settings.ignored_classes, settings.lists.by_split())
    if settings.kind == "voc12":
        listing = list_voc12(*named, root / "masks", own, threads)
    else:
        listing = list_folder(*named, own, settings.background == "first")
    prepare(listing, root, threads, settings.max_pixels, settings.on_bad_image == "skip")

"""Prepare a folder in VOC layout for the workflow."""

from pathlib import Path

from step import locations, own_lists, step

with step(snakemake):
    from wsss.data.folder import check_lengths, list_folder
    from wsss.data.preparation import prepare
    from wsss.data.voc_layout import VOC12_LENGTHS
    from wsss.errors import WsssError
    from wsss.settings.run import read_settings

    settings, places = read_settings("data", snakemake.params.settings), locations(snakemake)
    if places.dataset is None:
        raise WsssError("config: locations.dataset is missing: set it to the folder of the dataset, in VOC layout")
    source, lists = Path(places.dataset), settings.lists.by_split()
    if settings.kind == "voc12":
        check_lengths(source, lists, VOC12_LENGTHS)
    own, background = own_lists(places), settings.has_background
    listing = list_folder(source, settings.classes, settings.ignored_classes, lists, own, background)
    root = Path(snakemake.output.images).parent
    prepare(listing, root, snakemake.threads, settings.max_pixels, settings.on_bad_image == "skip")

"""Make PASCAL VOC 2012 with SBD's masks, or a part of it, from the official archives, and prepare it."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.data.preparation import prepare
    from wsss.data.sources.download import fetch
    from wsss.data.sources.folder import list_folder
    from wsss.data.sources.voc12 import SBD_ARCHIVE, TEST_ARCHIVE, VOC_ARCHIVE, build_voc12
    from wsss.settings.run import read_settings

    settings, places = read_settings("data", snakemake.params.settings), locations(snakemake)
    archives, root = Path(places.archives), Path(snakemake.output.images).parent
    for archive in (VOC_ARCHIVE, SBD_ARCHIVE):
        # Checked again, because the archives may have changed since they were downloaded.
        fetch(archive.url, archives / archive.name, archive.md5)
    voc, sbd = archives / VOC_ARCHIVE.name, archives / SBD_ARCHIVE.name
    lists, own = settings.lists.by_split(), places.lists_folder
    build_voc12(voc, sbd, root / "dataset", lists, own, snakemake.threads, archives / TEST_ARCHIVE)
    listing = list_folder(root / "dataset", settings.classes, settings.ignored_classes, lists, own)
    prepare(listing, root, snakemake.threads, settings.max_pixels, settings.on_bad_image == "skip")

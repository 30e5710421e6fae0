"""Make PASCAL VOC 2012 with SBD's masks, or a part of it, from the official archives, and prepare it."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.data.preparation import prepare
    from wsss.data.sources.download import check_sum
    from wsss.data.sources.folder import list_folder
    from wsss.data.sources.voc12 import SBD_ARCHIVE, TEST_ARCHIVE, VOC_ARCHIVE, build_voc12
    from wsss.settings.run import read_settings

    settings, places = read_settings("data", snakemake.params.settings), locations(snakemake)
    voc, sbd = Path(snakemake.input.voc), Path(snakemake.input.sbd)
    for archive, file in ((VOC_ARCHIVE, voc), (SBD_ARCHIVE, sbd)):
        # Checked again, because the archives may have changed since they were downloaded.
        check_sum(file, archive.md5)
    root = Path(snakemake.output.images).parent
    lists, own = settings.lists.by_split(), places.lists_folder
    build_voc12(voc, sbd, root / "dataset", lists, own, snakemake.threads, Path(places.archives) / TEST_ARCHIVE)
    listing = list_folder(root / "dataset", settings.classes, settings.ignored_classes, lists, own)
    prepare(listing, root, snakemake.threads, settings.max_pixels, settings.on_bad_image == "skip")

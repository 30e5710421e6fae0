"""Make MS COCO 2014 from the official archives, and prepare it."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.preparation import prepare
    from wsss.data.sources.coco14 import COCO14_ARCHIVES, list_coco14, unpack_coco14
    from wsss.data.sources.coco_masks import pycocotools_masks
    from wsss.data.sources.download import check_sum
    from wsss.settings.run import read_settings

    # Said before 19 GB are unpacked.
    pycocotools_masks()
    settings = read_settings("data", snakemake.params.settings)
    archives, root = Path(snakemake.input.archives[0]).parent, Path(snakemake.output.images).parent
    for archive in COCO14_ARCHIVES:
        # Checked again, because the archives may have changed since they were downloaded.
        check_sum(archives / archive.name, archive.md5)
    unpack_coco14(archives, root / "dataset")
    listing = list_coco14(settings, root / "dataset", root, snakemake.threads)
    prepare(listing, root, snakemake.threads, settings.max_pixels, settings.on_bad_image == "skip")

"""Build PASCAL VOC 2012 with SBD's masks, or a part of it, from the official archives, and get it ready."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.download import fetch
    from wsss.data.preparation import by_value, prepare
    from wsss.data.voc12 import SBD_ARCHIVE, VOC_ARCHIVE, build_voc12
    from wsss.settings.data import Voc12Settings

    settings = Voc12Settings.model_validate_json(snakemake.params.settings)
    archives, root = Path(snakemake.params.folder), Path(snakemake.output.images).parent
    own_lists, lists = Path(snakemake.params.own_lists), settings.lists.model_dump()
    for archive in (VOC_ARCHIVE, SBD_ARCHIVE):
        # Checked again: the archives may have changed hands since they were fetched.
        fetch(archive.url, archives / archive.name, archive.md5)
    build_voc12(
        archives / VOC_ARCHIVE.name, archives / SBD_ARCHIVE.name, root / "dataset", lists, own_lists, snakemake.threads
    )
    classes = by_value(settings.classes)
    prepare(root / "dataset", root, classes, settings.ignored_classes, lists, snakemake.threads, own_lists)

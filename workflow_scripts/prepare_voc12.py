"""Build PASCAL VOC 2012 with SBD's masks from the official archives, and get it ready."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.data.download import fetch
    from wsss.data.preparation import prepare
    from wsss.data.voc12 import SBD_ARCHIVE, VOC_ARCHIVE, build_voc12
    from wsss.settings.run import read_settings

    settings = read_settings("data", snakemake.params.settings)
    archives, root = Path(locations(snakemake).archives), Path(snakemake.output.images).parent
    for archive in (VOC_ARCHIVE, SBD_ARCHIVE):
        # Checked again: the archives may have changed hands since they were fetched.
        fetch(archive.url, archives / archive.name, archive.md5)
    build_voc12(archives / VOC_ARCHIVE.name, archives / SBD_ARCHIVE.name, root / "dataset", snakemake.threads)
    prepare(root / "dataset", root, settings.classes, {}, settings.lists.model_dump(), snakemake.threads)

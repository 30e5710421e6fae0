"""Download one official archive, or check the one that is there."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.data.sources.coco14 import COCO14_ARCHIVES
    from wsss.data.sources.download import fetch
    from wsss.data.sources.voc12 import SBD_ARCHIVE, VOC_ARCHIVE
    from wsss.files import link_file

    archives = {archive.name: archive for archive in (VOC_ARCHIVE, SBD_ARCHIVE, *COCO14_ARCHIVES)}
    archive = archives[snakemake.wildcards.archive]
    kept = Path(locations(snakemake).archives) / archive.name
    fetch(archive.url, kept, archive.md5)
    link_file(kept, Path(snakemake.output.archive))

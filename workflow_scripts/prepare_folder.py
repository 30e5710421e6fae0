"""Get a folder in VOC layout ready."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.preparation import by_value, check_lengths, prepare
    from wsss.data.voc_layout import VOC12_LENGTHS
    from wsss.errors import WsssError
    from wsss.settings.data import Voc12Settings, read_photographs

    settings = read_photographs(snakemake.params.settings)
    if snakemake.params.source is None:
        raise WsssError("config: locations.dataset is missing: set it to the folder of the dataset, in VOC layout")
    source, lists = Path(snakemake.params.source), settings.lists.model_dump()
    if isinstance(settings, Voc12Settings):
        check_lengths(source, lists, VOC12_LENGTHS)
    prepare(
        source,
        Path(snakemake.output.images).parent,
        by_value(settings.classes),
        by_value(settings.ignored_classes),
        lists,
        snakemake.threads,
        Path(snakemake.params.own_lists),
    )

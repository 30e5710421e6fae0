"""Get a folder in VOC layout ready."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.data.preparation import prepare
    from wsss.errors import WsssError
    from wsss.settings.run import read_settings

    settings = read_settings("data", snakemake.params.settings)
    source = locations(snakemake).dataset
    if source is None:
        raise WsssError("config: locations.dataset is missing: set it to the folder of the dataset, in VOC layout")
    prepare(
        Path(source),
        Path(snakemake.output.images).parent,
        # Numbered as in the masks: the order in a config does not enter the path of what is made.
        dict(sorted(settings.classes.items(), key=lambda item: item[1])),
        settings.ignored_classes,
        settings.lists.model_dump(),
        snakemake.threads,
    )

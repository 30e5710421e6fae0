"""Make the embedded dataset and prepare it for the workflow."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.preparation import prepare
    from wsss.data.sources.folder import list_folder
    from wsss.data.sources.synthetic.scenes import CLASS_NAMES, generate
    from wsss.settings.run import read_settings

    root = Path(snakemake.output.images).parent
    settings = read_settings("data", snakemake.params.settings)
    generate(settings, root / "dataset", snakemake.threads)
    classes = {name: value for value, name in enumerate(CLASS_NAMES[: settings.classes], 1)}
    prepare(list_folder(root / "dataset", classes, {}, settings.lists.by_split()), root, snakemake.threads)

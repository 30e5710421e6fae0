"""Gather the scores of a run into one table."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.evaluation.collect import collect
    from wsss.evaluation.metrics import write_metrics
    from wsss.settings.run import read_settings

    run = read_settings("run", snakemake.params.settings)
    scores = {name: Path(file) for name, file in snakemake.input.items() if name != "images"}
    records = collect(run, Dataset(Path(snakemake.input.images).parent), scores)
    write_metrics(records, Path(snakemake.output.json), Path(snakemake.output.csv))

"""Count where each visual word of a classifier is the likeliest."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.classification.word_census import write_census
    from wsss.data.dataset import Dataset
    from wsss.settings.run import read_settings

    dataset = Dataset(Path(snakemake.input.images).parent)
    write_census(
        dataset,
        dataset.ids("train"),
        Path(snakemake.input.weights),
        read_settings("classifier", snakemake.params.settings),
        Path(snakemake.output.census),
    )

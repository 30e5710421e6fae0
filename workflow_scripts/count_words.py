"""Find out where each visual word of a classifier is the likeliest."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.classification.word_census import write_census
    from wsss.data.dataset import Dataset
    from wsss.settings.classifier import ClassifierSettings

    dataset = Dataset(Path(snakemake.input.images).parent)
    write_census(
        dataset,
        dataset.ids("train"),
        Path(snakemake.input.weights),
        ClassifierSettings.model_validate_json(snakemake.params.settings),
        Path(snakemake.output.census),
    )

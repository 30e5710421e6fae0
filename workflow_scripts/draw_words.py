"""Draw the figures of a classifier's visual words."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.reporting.word_figures import draw_words

    draw_words(
        Dataset(Path(snakemake.input.images).parent),
        Path(snakemake.input.census),
        *(Path(snakemake.output[name]) for name in ("regions", "classes", "similarity")),
    )

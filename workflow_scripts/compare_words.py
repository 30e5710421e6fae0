"""Draw the similarities of the visual words of each row of a comparison, side by side."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.reporting.word_figures import draw_similarities

    draw_similarities(
        dict(zip(snakemake.params.rows, map(Path, snakemake.input.censuses), strict=True)),
        Path(snakemake.output.similarity),
    )

"""Write the table of a comparison of runs over seeds."""

import json
from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.reporting.comparison_page import write_comparison
    from wsss.settings.comparison import PublishedSettings

    published = snakemake.params.published
    write_comparison(
        snakemake.wildcards.comparison,
        snakemake.params.stage,
        Dataset(Path(snakemake.input.images).parent),
        json.loads(snakemake.params.runs),
        Path(snakemake.output.table).parent,
        PublishedSettings.model_validate_json(published) if published else None,
    )

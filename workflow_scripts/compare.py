"""Write the table of a comparison of runs over seeds."""

import json
from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.reporting.comparison_page import write_comparison
    from wsss.settings.comparison import PublishedSettings

    runs, published = json.loads(snakemake.params.runs), snakemake.params.published
    files = iter(snakemake.input.scores)
    for run in (run for seeds in runs.values() for run in seeds.values()):
        run["scores"] = {name: next(files) for name in run["scores"]}
    write_comparison(
        snakemake.wildcards.comparison,
        snakemake.params.stage,
        Dataset(Path(snakemake.input.images).parent),
        runs,
        Path(snakemake.output.table).parent,
        PublishedSettings.model_validate_json(published) if published else None,
    )

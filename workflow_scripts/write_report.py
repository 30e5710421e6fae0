"""Write the report of a run."""

import json
from pathlib import Path

from step import step

with step(snakemake):
    from wsss.reporting.run_report import write_run_report
    from wsss.settings.run import read_settings

    write_run_report(
        snakemake.wildcards.run,
        read_settings("run", snakemake.params.settings),
        json.loads(snakemake.params.paths),
        {name: Path(file) for name, file in snakemake.input.items()},
        Path(snakemake.output.report),
        Path(snakemake.output.artifacts),
    )

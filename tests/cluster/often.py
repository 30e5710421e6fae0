"""Snakemake's command for tests: `python often.py PYTHON ARGUMENTS...`, where PYTHON runs the jobs.

It looks at jobs every two seconds. The plugin waits ten seconds longer after each look.
"""

import sys

from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor

SECONDS = 2

if __name__ == "__main__":
    Executor.next_seconds_between_status_checks = property(lambda self: SECONDS, lambda self, seconds: None)
    sys.executable = sys.argv[1]
    main(sys.argv[2:])

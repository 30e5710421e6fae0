"""Snakemake's command, which looks at jobs every two seconds: the plugin waits ten seconds longer after each look."""

import sys

from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor

SECONDS = 2

if __name__ == "__main__":
    Executor.next_seconds_between_status_checks = property(lambda self: SECONDS, lambda self, seconds: None)
    main(sys.argv[1:])

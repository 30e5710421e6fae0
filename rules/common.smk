"""Makes the plan from the config, and defines the wildcard constraints and the names that the rules use."""

import sys
from pathlib import Path

PROJECT = Path(workflow.basedir)
sys.path.insert(0, str(PROJECT))

from wsss.errors import WsssError
from wsss.plan.failed_jobs import tell_errors_of_jobs
from wsss.plan.interpreter import check_interpreter
from wsss.plan.moved import follow_moved_datasets
from wsss.plan.pages import ComparisonPages, RunPages, show_pages, targets
from wsss.plan.paths import file_above, file_of, filled, log_of
from wsss.plan.plan import Plan
from wsss.preflight.start import check_before_jobs
from wsss.settings.config import read_config
from wsss.settings.config_file import check_config_files
from wsss.settings.run import TRAINED

try:
    if workflow.is_main_process:
        check_interpreter(Path(sys.executable))
        check_config_files(workflow.configfiles)
    CONFIG = read_config(config)
    PLAN = Plan(CONFIG, PROJECT / "workflow_scripts")
    if workflow.is_main_process:
        follow_moved_datasets(PLAN)
except WsssError as error:
    sys.exit(f"error: {error}")
RUN_PAGES, COMPARISON_PAGES = RunPages(PLAN), ComparisonPages(PLAN)
IMAGES = file_of("data")
IMAGE_LABELS = file_of("data", "image_labels.csv")


def labels_of(stage, labels):
    """The list of label images that a training reads.

    Its time does not count, so labels that are made again to the same content train nothing again. It counts if the
    code has changed: Snakemake does not look at the parameters of jobs that come after a job that runs again.
    """
    is_of_this_code = PLAN.is_of_this_code(stage)

    def listed(wildcards):
        path = filled(labels, wildcards)
        return ancient(path) if is_of_this_code(wildcards) else path

    return listed


def show():
    """Link the folders for users to the results of the current settings."""
    for warning in show_pages(PLAN):
        print(warning, file=sys.stderr)


if workflow.is_main_process:
    show()


onstart:
    check_before_jobs(CONFIG, PROJECT, workflow.dag.needrun_jobs())


onsuccess:
    show()


onerror:
    tell_errors_of_jobs(log)


wildcard_constraints:
    **PLAN.constraints(),

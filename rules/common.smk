"""Makes the plan from the config, and defines the wildcard constraints and the names that the rules use."""

import logging
import sys
from pathlib import Path

PROJECT = Path(workflow.basedir)
sys.path.insert(0, str(PROJECT))

from wsss.errors import WsssError
from wsss.plan.claims import Claims
from wsss.plan.moved import follow_moved_datasets
from wsss.plan.pages import ComparisonPages, RunPages, show_pages, targets
from wsss.plan.paths import file_above, file_of, filled, log_of
from wsss.plan.plan import Plan
from wsss.plan.shared_results import share_provenance
from wsss.plan.stages import ROOT
from wsss.plan.start import (
    plan_anew,
    planned_jobs,
    refuse_to_remake,
    refuse_unwritable,
    refuse_without_disk,
    wait_for_others,
)
from wsss.settings.config import read_config
from wsss.settings.run import TRAINED

try:
    PLAN = Plan(read_config(config), PROJECT / "workflow_scripts")
    if workflow.is_main_process:
        follow_moved_datasets(PLAN)
        if workflow.modifier.is_main_snakefile():
            share_provenance()
            CLAIMS = Claims(Path(ROOT))
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


def begin():
    """Before the first job: wait for others who make the same, and refuse what would cost others their artifacts."""
    refuse_unwritable([Path(), Path("logs"), Path(ROOT)])
    jobs = planned_jobs(workflow.dag)
    if wait_for_others(jobs, CLAIMS):
        workflow.persistence.unlock()
        plan_anew(Path(workflow.rundir))
    share_provenance()
    if not workflow.touch:
        refuse_to_remake(jobs)
        refuse_without_disk(jobs, PLAN)


onstart:
    if workflow.is_main_process:
        try:
            begin()
        except WsssError as error:
            sys.exit(f"error: {error}")


def show():
    """Link the folders for users to the results of the current settings."""
    for warning in show_pages(PLAN):
        print(warning, file=sys.stderr)


if workflow.is_main_process:
    # A full disk ends in one line of the job. That Snakemake cannot log then needs no traceback for each line.
    logging.raiseExceptions = False
    show()


onsuccess:
    show()


wildcard_constraints:
    **PLAN.constraints(),

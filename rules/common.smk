"""Makes the plan from the config, and defines the wildcard constraints and the names that the rules use."""

import os
import shlex
import sys
from pathlib import Path

PROJECT = Path(workflow.basedir)
sys.path.insert(0, str(PROJECT))

from wsss.errors import WsssError
from wsss.plan.moved import follow_moved_datasets
from wsss.plan.pages import ComparisonPages, RunPages, show_pages, targets
from wsss.plan.paths import file_above, file_of, filled, log_of
from wsss.plan.plan import Plan
from wsss.runtime.devices import usable_devices
from wsss.settings.config import read_config
from wsss.settings.run import TRAINED

try:
    PLAN = Plan(read_config(config), PROJECT / "workflow_scripts")
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


def run_a_job_for_each_device():
    """Let plain `snakemake` run as many GPU jobs at once as there are devices on this host.

    Where GPUs compute, no job takes more than its share of the cores, as jobs with all of them would run one by one. On
    CPUs alone that would change results: sums depend on the number of threads. Options of a profile and of the command
    line go first. Jobs that are sent to a cluster are not limited: only their number is given then, and no cores, which
    a dry run counts as one.
    """
    given = workflow.resource_settings
    if given.cores is None or (given.nodes is not None and given.cores == 1):
        return
    devices = usable_devices()
    if "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", devices.jobs_at_once)
    if devices.listed and given.max_threads is None and given.nodes is None:
        at_once = max(1, workflow.global_resources["gpu"].value)
        given.max_threads = max(1, given.cores // at_once)


if workflow.is_main_process:
    run_a_job_for_each_device()


def show():
    """Link the folders for users to the results of the current settings."""
    for warning in show_pages(PLAN):
        print(warning, file=sys.stderr)


# Jobs end with this process, which runs them.
os.environ["WSSS_WORKFLOW_PID"] = str(os.getpid())
if workflow.is_main_process:
    # Jobs name it when they are interrupted.
    os.environ["WSSS_COMMAND"] = shlex.join(["snakemake", *sys.argv[1:]])
    show()


onsuccess:
    show()


wildcard_constraints:
    **PLAN.constraints(),

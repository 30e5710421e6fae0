"""What concerns this start of the workflow and this machine: devices, other workflows, links for users."""

import logging
import os
import shlex

from wsss.manifests.making_again import OPTIONS, options_of
from wsss.plan.claims import Claims
from wsss.plan.failed_jobs import tell_errors_of_jobs
from wsss.plan.interpreter import check_interpreter
from wsss.plan.shared_results import share_provenance
from wsss.plan.start import (
    plan_anew,
    planned_jobs,
    refuse_to_remake,
    refuse_unwritable,
    refuse_without_disk,
    wait_for_others,
)
from wsss.preflight.start import check_before_jobs
from wsss.runtime.devices import usable_devices
from wsss.runtime.parent import COMMAND, WORKFLOW
from wsss.runtime.signals import end_in_a_thread
from wsss.runtime.slurm import check_cluster


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


def begin():
    """Before the first job: wait for others who make the same, and refuse what would cost others their artifacts."""
    refuse_unwritable([Path(), Path("logs"), RESULTS])
    jobs = planned_jobs(workflow.dag)
    if wait_for_others(jobs, CLAIMS):
        workflow.persistence.unlock()
        plan_anew(Path(workflow.rundir))
    # At the start there may have been no results yet, and a plan alone makes none.
    share_provenance()
    if not workflow.touch:
        refuse_to_remake(jobs)
        refuse_without_disk(jobs, PLAN)


def show():
    """Link the folders for users to the results of the current settings."""
    for warning in show_pages(PLAN):
        print(warning, file=sys.stderr)


# Jobs end with this process, which runs them.
os.environ[WORKFLOW] = str(os.getpid())
# Jobs name in their messages the command that makes a damaged file again.
CONFIGS = [Path(file) for file in workflow.configfiles]
os.environ[OPTIONS] = options_of(CONFIGS, PROJECT / "Snakefile", Path.cwd())
if workflow.is_main_process:
    # Jobs name it when they are interrupted.
    os.environ[COMMAND] = shlex.join(["snakemake", *sys.argv[1:]])
    # A full disk ends in one line of the job. That Snakemake cannot log then needs no traceback for each line.
    logging.raiseExceptions = False
    if workflow.modifier.is_main_snakefile():
        run_a_job_for_each_device()
        try:
            check_interpreter(Path(sys.executable))
            share_provenance()
            CLAIMS = Claims(RESULTS)
        except WsssError as error:
            sys.exit(f"error: {error}")
    show()


onstart:
    if workflow.is_main_process:
        end_in_a_thread(workflow.scheduler)
        check_cluster(workflow)
        try:
            begin()
        except WsssError as error:
            sys.exit(f"error: {error}")
        check_before_jobs(CONFIG, workflow.dag.needrun_jobs())


onsuccess:
    show()


onerror:
    tell_errors_of_jobs(log)

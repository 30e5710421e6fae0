"""On a SLURM cluster: jobs that could never start are named before the first one is submitted."""

from wsss.runtime.slurm import refuse_jobs_that_cannot_start


onstart:
    if workflow.executor_plugin.name == "slurm":
        try:
            for warning in refuse_jobs_that_cannot_start(
                workflow.dag, workflow.scheduler.get_executor
            ):
                print(f"warning: {warning}", file=sys.stderr)
        except WsssError as error:
            sys.exit(f"error: {error}")

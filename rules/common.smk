"""Makes the plan from the config, and defines the wildcard constraints and the names that the rules use."""

import sys
from pathlib import Path

PROJECT = Path(workflow.basedir)
sys.path.insert(0, str(PROJECT))

from wsss.errors import WsssError
from wsss.plan.moved import follow_moved_datasets
from wsss.plan.pages import ComparisonPages, RunPages, show_pages, targets
from wsss.plan.plan import Plan, file_of, log_of
from wsss.settings.run import read_config

try:
    PLAN = Plan(read_config(config), PROJECT / "workflow_scripts")
    if workflow.is_main_process:
        follow_moved_datasets(PLAN)
except WsssError as error:
    sys.exit(f"error: {error}")
RUN_PAGES, COMPARISON_PAGES = RunPages(PLAN), ComparisonPages(PLAN)
IMAGES = file_of("data")
IMAGE_LABELS = file_of("data", "image_labels.csv")


def show():
    """Link the folders for users to the results of the current settings."""
    for warning in show_pages(PLAN):
        print(warning, file=sys.stderr)


if workflow.is_main_process:
    show()


onsuccess:
    show()


wildcard_constraints:
    **PLAN.constraints(),

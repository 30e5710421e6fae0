"""Makes the plan from the config, and defines the wildcard constraints and the names that the rules use."""

import sys
from pathlib import Path

# Not workflow.basedir, which is that of another workflow where this one is its module.
if not hasattr(workflow.current_basedir, "__fspath__"):
    sys.exit(
        "error: the workflow wsss is used from a clone: give the path of its Snakefile"
    )
PROJECT = Path(workflow.current_basedir).parent
sys.path.insert(0, str(PROJECT))

from wsss.errors import WsssError
from wsss.plan.moved import follow_moved_datasets
from wsss.plan.pages import ComparisonPages, RunPages, show_pages, targets
from wsss.plan.paths import file_above, file_of, filled, log_of
from wsss.plan.plan import Plan
from wsss.plan.resources import growing
from wsss.plan.stages import ROOT
from wsss.settings.config import read_config
from wsss.settings.config_file import placed_config
from wsss.settings.run import TRAINED

# Where the results lie: below the prefix that a workflow gives to its module. Snakemake puts it before all paths of
# rules. It does not for what is read and linked while a plan is made.
RESULTS = Path(str(workflow.modifier.modify_path(f"{ROOT}/.")))


try:
    if workflow.modifier.is_main_snakefile():
        config.update(
            placed_config(config, workflow.configfiles, workflow.config_settings.config)
        )
    CONFIG = read_config(config)
    PLAN = Plan(CONFIG, PROJECT / "workflow_scripts", RESULTS)
    TARGETS = targets(PLAN)
    if workflow.is_main_process:
        follow_moved_datasets(PLAN)
except WsssError as error:
    sys.exit(f"error: {error}")
RUN_PAGES, COMPARISON_PAGES = RunPages(PLAN), ComparisonPages(PLAN)
IMAGES = file_of("data")
IMAGE_LABELS = file_of("data", "image_labels.csv")


wildcard_constraints:
    **PLAN.constraints(),

"""The config as a plan; what wildcards can be; and the names that the rules use."""

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
    """Let the folders for people lead to what the settings of now have made."""
    for warning in show_pages(PLAN):
        print(warning, file=sys.stderr)


if workflow.is_main_process:
    show()


onsuccess:
    show()


wildcard_constraints:
    **PLAN.constraints(),


# The list of a split's files is the same whatever the shards, so that what is trained on them stays.
rule list_files:
    input:
        expand("results/{{folder}}/shards/{{split}}/{shard}.tsv", shard=PLAN.shards),
    output:
        "results/{folder}/{split}.tsv",
    log:
        "logs/{folder}/{split}-files.log",
    benchmark:
        "logs/{folder}/{split}-files.benchmark.tsv"
    localrule: True
    conda:
        "../envs/wsss.yaml"
    params:
        code=PLAN.code_of(),
    shell:
        "(head -n 1 {input[0]}; tail -q -n +2 {input} | LC_ALL=C sort) > {output} 2> {log}"

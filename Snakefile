"""Weakly-supervised semantic segmentation: from images and image-level labels to a per-class mIoU report."""

from snakemake.utils import min_version

min_version("9.20")


include: "rules/common.smk"
include: "rules/start.smk"


# What the report of another workflow says is its own matter.
if workflow.modifier.is_main_snakefile():

    report: "rules/captions/workflow.rst"


# Another workflow reads this file once more for each rule that it changes. Its rules are then there already.
IS_READ_AGAIN = rules.has("report")


# The first rule is what a plain `snakemake` makes. With `default_target` it would also be that of a workflow which uses
# this one as a module.
rule report:
    input:
        PLAN.reports(),


include: "rules/lists.smk"
include: "rules/labels.smk"
include: "rules/data.smk"
include: "rules/classification.smk"
include: "rules/refinement.smk"
include: "rules/segmentation.smk"
include: "rules/evaluation.smk"


for name, files in TARGETS.items():
    if rules.has(name) and not IS_READ_AGAIN:
        sys.exit(f"error: config: a rule is called {name}; choose another name")

    rule:
        name:
            name
        input:
            files,

"""Weakly-supervised semantic segmentation: from images and image-level labels to a per-class mIoU report."""

from snakemake.utils import min_version

min_version("9.20")


include: "rules/common.smk"
include: "rules/lists.smk"
include: "rules/data.smk"
include: "rules/classification.smk"
include: "rules/refinement.smk"
include: "rules/segmentation.smk"
include: "rules/evaluation.smk"


rule report:
    default_target: True
    input:
        PLAN.reports(),


for name, files in targets(PLAN).items():
    if workflow.is_rule(name):
        sys.exit(
            f"error: config: a rule or another target is called {name}; choose another name"
        )

    rule:
        name:
            name
        input:
            files,

"""Weakly-supervised semantic segmentation: from images and image-level labels to a per-class mIoU report."""

from snakemake.utils import min_version

min_version("9.20")


include: "rules/common.smk"


# The first rule is what a plain `snakemake` makes. With `default_target` it would also be that of a workflow which uses
# this one as a module.
rule report:
    input:
        PLAN.reports(),


include: "rules/lists.smk"
include: "rules/data.smk"
include: "rules/classification.smk"
include: "rules/refinement.smk"
include: "rules/segmentation.smk"
include: "rules/evaluation.smk"


for name, files in targets(PLAN).items():
    if rules.has(name):
        sys.exit(
            f"error: config: a rule or another target is called {name}; choose another name"
        )

    rule:
        name:
            name
        input:
            files,

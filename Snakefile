"""Weakly-supervised semantic segmentation: from images and image-level labels to a per-class mIoU report."""

from snakemake.utils import min_version

min_version("9.20")


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/classification.smk"
include: "rules/refinement.smk"
include: "rules/segmentation.smk"
include: "rules/evaluation.smk"


if workflow.is_main_process:
    show_pages()


onsuccess:
    show_pages()


rule report:
    default_target: True
    input:
        targets("report"),


rule cams:
    input:
        targets("cams"),


rule words:
    input:
        targets("words"),


rule pseudo_labels:
    input:
        targets("pseudo_labels"),


rule segmentation:
    input:
        targets("segmentation"),


for name, files in TARGETS:
    if workflow.is_rule(name):
        sys.exit(
            f"error: config: a rule or another target is called {name}; choose another name"
        )

    rule:
        name:
            name
        input:
            files,

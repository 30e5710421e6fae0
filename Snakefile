"""Weakly-supervised semantic segmentation: from images and image-level labels to a per-class mIoU report."""

from snakemake.utils import min_version

min_version("9.20")


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/classification.smk"
include: "rules/refinement.smk"
include: "rules/segmentation.smk"
include: "rules/evaluation.smk"


rule report:
    default_target: True
    input:
        targets("report"),


rule cams:
    input:
        targets("cams"),


rule pseudo_labels:
    input:
        targets("pseudo_labels"),


rule segmentation:
    input:
        targets("segmentation"),

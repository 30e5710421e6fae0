"""The files of a stage, split by split."""


def labels_of(stage, labels):
    """The list of label images that a training reads.

    Its time does not count, so labels that are made again to the same content train nothing again. It counts if the
    code has changed: Snakemake does not look at the parameters of jobs that come after a job that runs again.
    """
    is_of_this_code = PLAN.is_of_this_code(stage)

    def listed(wildcards):
        path = filled(labels, wildcards)
        return ancient(path) if is_of_this_code(wildcards) else path

    return listed


# This list does not depend on the number of shards, so another number of shards retrains nothing.
rule list_files:
    input:
        shards=expand(
            "results/{{folder}}/shards/{{split}}/{shard}.tsv", shard=PLAN.shards
        ),
    output:
        manifest="results/{folder}/{split}.tsv",
    log:
        "logs/{folder}/{split}-files.log",
    benchmark:
        "logs/{folder}/{split}-files.benchmark.tsv"
    localrule: True
    conda:
        "../envs/wsss.yaml"
    params:
        code=PLAN.code_of("list_files"),
    script:
        "../workflow_scripts/list_files.py"

"""The files of a stage, split by split."""


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

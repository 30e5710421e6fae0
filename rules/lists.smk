"""The files of a stage, split by split."""


# This list does not depend on the number of shards, so another number of shards retrains nothing.
rule list_files:
    input:
        shards=expand(
            "results/{{folder}}/shards/{{split}}/{shard}.tsv", shard=PLAN.shards
        ),
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
        "(awk 'FNR == 1' {input.shards} | sort -u;"
        " awk 'FNR > 1' {input.shards} | LC_ALL=C sort) > {output} 2> {log}"

"""From CAMs to pseudo labels: confident labels by CRF, affinities by IRNet, and a random walk over them."""


rule make_confident_labels:
    input:
        images=IMAGES,
        cams=file_of("cams", "shards/train/{shard}.tsv"),
    output:
        manifest=file_of("confident_labels", "shards/train/{shard}.tsv"),
    log:
        log_of("confident_labels", "{shard}.log"),
    benchmark:
        log_of("confident_labels", "{shard}.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=4000,
        runtime=480,
    params:
        settings=PLAN.settings_of("confident_labels"),
        code=PLAN.code_of("make_confident_labels"),
    script:
        "../workflow_scripts/make_confident_labels.py"


rule train_irnet:
    input:
        images=IMAGES,
        labels=labels_of("irnet", file_of("confident_labels", "train.tsv")),
        initial=PLAN.initial_weights("irnet"),
    output:
        weights=file_of("irnet"),
        log=file_of("irnet", "training.csv"),
        settings=file_of("irnet", "settings.json"),
        code=file_of("irnet", "code.txt"),
    log:
        log_of("irnet", "training.log"),
    benchmark:
        log_of("irnet", "training.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    threads: 16
    resources:
        gpu=1,
        mem_mb=16000,
        # Minutes: ten times what COCO's preset takes on an H200 (docs/decisions.md).
        runtime=90,
    params:
        settings=PLAN.settings_of("irnet"),
        code=PLAN.code_of("train_irnet"),
    script:
        "../workflow_scripts/train_irnet.py"


# For refinements without training: their labels are directly in the folder of the CAMs.
rule make_pseudo_labels_of_cams:
    input:
        images=IMAGES,
        cams=file_of("cams", "shards/train/{shard}.tsv"),
    output:
        manifest=file_of("pseudo_labels", "shards/train/{shard}.tsv", parent="cams"),
    log:
        log_of("pseudo_labels", "{shard}.log", parent="cams"),
    benchmark:
        log_of("pseudo_labels", "{shard}.benchmark.tsv", parent="cams")
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=480,
    params:
        settings=PLAN.settings_of("pseudo_labels"),
        code=PLAN.code_of("make_pseudo_labels"),
    script:
        "../workflow_scripts/make_pseudo_labels.py"


rule make_pseudo_labels:
    input:
        images=IMAGES,
        cams=file_of("cams", "shards/train/{shard}.tsv"),
        weights=file_of("irnet"),
        initial=PLAN.initial_weights("irnet"),
    output:
        manifest=file_of("pseudo_labels", "shards/train/{shard}.tsv"),
    log:
        log_of("pseudo_labels", "{shard}.log"),
    benchmark:
        log_of("pseudo_labels", "{shard}.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=480,
    params:
        settings=PLAN.settings_of("pseudo_labels"),
        irnet=PLAN.settings_of("irnet"),
        code=PLAN.code_of("make_pseudo_labels"),
    script:
        "../workflow_scripts/make_pseudo_labels.py"

"""From CAMs to pseudo labels: confident labels by CRF, affinities by IRNet, and a random walk over them."""


rule make_confident_labels:
    input:
        images=IMAGES,
        cams="results/{data}/{maps}/shards/train/{shard}.tsv",
    output:
        manifest=file_of("confident_labels", "shards/train/{shard}.tsv"),
    log:
        log_of("confident_labels", "{shard}.log"),
    benchmark:
        log_of("confident_labels", "{shard}.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(480),
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
    wildcard_constraints:
        irnet=PLAN.folders_of(["irnet"], files=False),
    conda:
        "../envs/wsss.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=growing(16000),
        # Minutes: ten times what COCO's preset takes on an H200 (docs/decisions.md).
        runtime=growing(90),
    params:
        settings=PLAN.settings_of("irnet"),
        code=PLAN.code_of("train_irnet"),
    script:
        "../workflow_scripts/train_irnet.py"


# For refinements without training: their labels are directly in the folder of the CAMs.
rule make_pseudo_labels_of_cams:
    input:
        images=IMAGES,
        cams="results/{data}/{maps}/shards/train/{shard}.tsv",
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
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        settings=PLAN.settings_of("pseudo_labels"),
        code=PLAN.code_of("make_pseudo_labels"),
    script:
        "../workflow_scripts/make_pseudo_labels.py"


rule make_pseudo_labels:
    input:
        images=IMAGES,
        cams=file_above("cams", "results/{data}/{edges}", "shards/train/{shard}.tsv"),
        weights="results/{data}/{edges}/edges.safetensors",
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
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        settings=PLAN.settings_of("pseudo_labels"),
        irnet=PLAN.settings_of("irnet"),
        code=PLAN.code_of("make_pseudo_labels"),
    script:
        "../workflow_scripts/make_pseudo_labels.py"


rule check_label_files:
    input:
        images=IMAGES,
        labels=IMAGE_LABELS,
    output:
        checked=file_of("pseudo_labels", "checked.txt", parent="data"),
    log:
        log_of("pseudo_labels", "checked.log", parent="data"),
    benchmark:
        log_of("pseudo_labels", "checked.benchmark.tsv", parent="data")
    # Before all trainings, because it fails if a file is missing.
    priority: 1
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=PLAN.settings_of("pseudo_labels"),
        content=PLAN.content_of("pseudo_labels"),
        code=PLAN.code_of("check_label_files"),
    script:
        "../workflow_scripts/check_label_files.py"


rule make_pseudo_labels_of_files:
    input:
        images=IMAGES,
        checked=file_of("pseudo_labels", "checked.txt", parent="data"),
    output:
        manifest=file_of("pseudo_labels", "shards/train/{shard}.tsv", parent="data"),
    log:
        log_of("pseudo_labels", "{shard}.log", parent="data"),
    benchmark:
        log_of("pseudo_labels", "{shard}.benchmark.tsv", parent="data")
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=PLAN.settings_of("pseudo_labels"),
        content=PLAN.content_of("pseudo_labels"),
        code=PLAN.code_of("make_pseudo_labels_of_files"),
    script:
        "../workflow_scripts/make_pseudo_labels_of_files.py"


rule check_object_masks:
    input:
        images=IMAGES,
    output:
        checked=file_of("merged_labels", "checked.txt"),
    log:
        log_of("merged_labels", "checked.log"),
    benchmark:
        log_of("merged_labels", "checked.benchmark.tsv")
    # Before all trainings, because it fails if a file is missing.
    priority: 1
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=PLAN.settings_of("merged_labels"),
        content=PLAN.content_of("merged_labels"),
        code=PLAN.code_of("check_object_masks"),
    script:
        "../workflow_scripts/check_object_masks.py"


rule make_merged_labels:
    input:
        images=IMAGES,
        labels="results/{data}/{supervision}/shards/train/{shard}.tsv",
        checked=file_of("merged_labels", "checked.txt"),
    output:
        manifest=file_of("merged_labels", "shards/train/{shard}.tsv"),
    log:
        log_of("merged_labels", "{shard}.log"),
    benchmark:
        log_of("merged_labels", "{shard}.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=PLAN.settings_of("merged_labels"),
        content=PLAN.content_of("merged_labels"),
        code=PLAN.code_of("make_merged_labels"),
    script:
        "../workflow_scripts/make_merged_labels.py"

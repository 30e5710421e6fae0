"""DeepLabV2, trained on pseudo labels (or on the ground truth, for an upper bound), and its predictions."""


rule make_truth:
    input:
        images=IMAGES,
    output:
        manifest=file_of("truth", "shards/train/{shard}.tsv"),
    log:
        log_of("truth", "{shard}.log"),
    benchmark:
        log_of("truth", "{shard}.benchmark.tsv")
    # Before all trainings, because it fails if a mask is missing.
    priority: 1
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        code=PLAN.code_of("make_truth"),
    script:
        "../workflow_scripts/make_truth.py"


rule train_segmentation:
    input:
        images=IMAGES,
        labels=labels_of("segmentation", "results/{data}/{supervision}/train.tsv"),
        initial=PLAN.initial_weights("segmentation"),
    output:
        weights=file_of("segmentation"),
        log=file_of("segmentation", "training.csv"),
        settings=file_of("segmentation", "settings.json"),
        code=file_of("segmentation", "code.txt"),
    log:
        log_of("segmentation", "training.log"),
    benchmark:
        log_of("segmentation", "training.benchmark.tsv")
    wildcard_constraints:
        segmentation=PLAN.folders_of(["segmentation"], files=False),
    conda:
        "../envs/wsss.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=growing(16000),
        # Minutes: ten times what COCO's preset takes on an H200 (docs/decisions.md).
        runtime=growing(2200),
    params:
        settings=PLAN.settings_of("segmentation"),
        code=PLAN.code_of("train_segmentation"),
    script:
        "../workflow_scripts/train_segmentation.py"


# A network that a user brings in place of the training of a classifier, of IRNet or of the segmentation network.
rule take_finished:
    input:
        images=file_above("data", "results/{folder}", "images.tsv"),
    output:
        weights="results/{folder}/{finished}/{network_file}.safetensors",
    log:
        "logs/{folder}/{finished}/{network_file}.log",
    benchmark:
        "logs/{folder}/{finished}/{network_file}.benchmark.tsv"
    wildcard_constraints:
        finished=PLAN.folders_of(TRAINED, files=True),
    # Before all trainings, because it fails if the file is of another network.
    priority: 1
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        settings=PLAN.finished_settings,
        content=PLAN.content_of(),
        code=PLAN.code_of("take_finished"),
    script:
        "../workflow_scripts/take_finished.py"


rule make_prediction:
    input:
        images=IMAGES,
        weights="results/{data}/{network}/segmenter.safetensors",
    output:
        manifest=file_of("prediction", "shards/{split}/{shard}.tsv"),
    log:
        log_of("prediction", "{split}-{shard}.log"),
    benchmark:
        log_of("prediction", "{split}-{shard}.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=PLAN.settings_of("prediction"),
        segmentation=PLAN.settings_of("segmentation"),
        code=PLAN.code_of("make_prediction"),
    script:
        "../workflow_scripts/make_prediction.py"


rule make_prediction_labels:
    input:
        images=IMAGES,
        scores=file_of("prediction", "shards/{split}/{shard}.tsv"),
    output:
        plain=file_of("prediction_labels", "plain/shards/{split}/{shard}.tsv"),
        crf=file_of("prediction_labels", "crf/shards/{split}/{shard}.tsv"),
    log:
        log_of("prediction_labels", "{split}-{shard}.log"),
    benchmark:
        log_of("prediction_labels", "{split}-{shard}.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(480),
    params:
        settings=PLAN.settings_of("prediction_labels"),
        code=PLAN.code_of("make_prediction_labels"),
    script:
        "../workflow_scripts/make_prediction_labels.py"

"""DeepLabV2, trained on pseudo labels (or, for a bound, on the truth), and its predictions."""


rule take_truth:
    input:
        images="results/{data}/images.tsv",
    output:
        manifest="results/{data}/truth/shards/train/{shard}.tsv",
    log:
        "logs/{data}/truth/{shard}.log",
    benchmark:
        "logs/{data}/truth/{shard}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code_of("take_truth.py"),
    script:
        "../workflow_scripts/take_truth.py"


rule train_segmentation:
    input:
        images="results/{data}/images.tsv",
        labels=expand(
            "results/{{data}}/{{supervision}}/shards/train/{shard}.tsv", shard=SHARDS
        ),
        initial=initial_weights("segmentation"),
    output:
        weights="results/{data}/{supervision}/{segmentation}/segmenter.safetensors",
        log="results/{data}/{supervision}/{segmentation}/training.csv",
        settings="results/{data}/{supervision}/{segmentation}/settings.json",
    log:
        "logs/{data}/{supervision}/{segmentation}/training.log",
    benchmark:
        "logs/{data}/{supervision}/{segmentation}/training.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    threads: 16
    resources:
        gpu=1,
        mem_mb=16000,
        # Ten times what COCO's preset takes on an H200: docs/decisions.md, on a GPU.
        runtime=2200,
    params:
        settings=settings_of("segmentation"),
        code=code_of("train_segmentation.py"),
    script:
        "../workflow_scripts/train_segmentation.py"


rule predict:
    input:
        images="results/{data}/images.tsv",
        weights="results/{data}/{supervision}/{segmentation}/segmenter.safetensors",
    output:
        manifest="results/{data}/{supervision}/{segmentation}/{prediction}/shards/{split}/{shard}.tsv",
    log:
        "logs/{data}/{supervision}/{segmentation}/{prediction}/{split}-{shard}.log",
    benchmark:
        "logs/{data}/{supervision}/{segmentation}/{prediction}/{split}-{shard}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    threads: 16
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=240,
    params:
        settings=settings_of("prediction"),
        segmentation=settings_of("segmentation"),
        code=code_of("predict.py"),
    script:
        "../workflow_scripts/predict.py"


rule label_predictions:
    input:
        images="results/{data}/images.tsv",
        scores="results/{data}/{supervision}/{segmentation}/{prediction}/shards/{split}/{shard}.tsv",
    output:
        plain="results/{data}/{supervision}/{segmentation}/{prediction}/{labels}/plain/shards/{split}/{shard}.tsv",
        crf="results/{data}/{supervision}/{segmentation}/{prediction}/{labels}/crf/shards/{split}/{shard}.tsv",
    log:
        "logs/{data}/{supervision}/{segmentation}/{prediction}/{labels}/{split}-{shard}.log",
    benchmark:
        "logs/{data}/{supervision}/{segmentation}/{prediction}/{labels}/{split}-{shard}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=4000,
        runtime=480,
    params:
        settings=settings_of("labels"),
        code=code_of("label_predictions.py"),
    script:
        "../workflow_scripts/label_predictions.py"

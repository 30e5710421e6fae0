"""The classifier with visual words and hybrid pooling, and its class activation maps."""


rule train_classifier:
    input:
        images="results/{data}/images.tsv",
        labels="results/{data}/image_labels.csv",
        initial=initial_weights("classifier"),
    output:
        weights="results/{data}/{classifier}/classifier.safetensors",
        log="results/{data}/{classifier}/training.csv",
        settings="results/{data}/{classifier}/settings.json",
    log:
        "logs/{data}/{classifier}/training.log",
    benchmark:
        "logs/{data}/{classifier}/training.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    threads: 16
    resources:
        gpu=1,
        mem_mb=16000,
        # Ten times what COCO's preset takes on an H200: docs/decisions.md, on a GPU.
        runtime=400,
    params:
        settings=settings_of("classifier"),
        code=code_of("train_classifier.py"),
    script:
        "../workflow_scripts/train_classifier.py"


rule make_cams:
    input:
        images="results/{data}/images.tsv",
        labels="results/{data}/image_labels.csv",
        weights="results/{data}/{classifier}/classifier.safetensors",
    output:
        manifest="results/{data}/{classifier}/{cams}/shards/{split}/{shard}.tsv",
    log:
        "logs/{data}/{classifier}/{cams}/{split}-{shard}.log",
    benchmark:
        "logs/{data}/{classifier}/{cams}/{split}-{shard}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    threads: 16
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=240,
    params:
        settings=settings_of("cams"),
        classifier=settings_of("classifier"),
        code=code_of("make_cams.py"),
    script:
        "../workflow_scripts/make_cams.py"


rule count_words:
    input:
        images="results/{data}/images.tsv",
        labels="results/{data}/image_labels.csv",
        weights="results/{data}/{classifier}/classifier.safetensors",
    output:
        census="results/{data}/{classifier}/words/census.json",
    log:
        "logs/{data}/{classifier}/words/census.log",
    benchmark:
        "logs/{data}/{classifier}/words/census.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    threads: 16
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=120,
    params:
        settings=settings_of("classifier"),
        code=code_of("count_words.py"),
    script:
        "../workflow_scripts/count_words.py"

"""The classifier with visual words and hybrid pooling, and its class activation maps."""


rule train_classifier:
    input:
        unpack(PLAN.start_of),
        images=IMAGES,
        labels=IMAGE_LABELS,
        initial=PLAN.initial_weights("classifier"),
    output:
        weights=file_of("classifier"),
        log=file_of("classifier", "training.csv"),
        settings=file_of("classifier", "settings.json"),
    log:
        log_of("classifier", "training.log"),
    benchmark:
        log_of("classifier", "training.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    threads: 16
    resources:
        gpu=1,
        mem_mb=16000,
        # Minutes: ten times what COCO's preset takes on an H200 (docs/decisions.md).
        runtime=400,
    params:
        settings=PLAN.settings_of("classifier"),
        code=PLAN.code_of("train_classifier"),
    script:
        "../workflow_scripts/train_classifier.py"


rule make_cams:
    input:
        images=IMAGES,
        labels=IMAGE_LABELS,
        weights=file_of("classifier"),
    output:
        manifest=file_of("cams", "shards/{split}/{shard}.tsv"),
    log:
        log_of("cams", "{split}-{shard}.log"),
    benchmark:
        log_of("cams", "{split}-{shard}.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    threads: 16
    resources:
        gpu=1,
        # At twice the size of a photograph of 2 megapixels.
        mem_mb=12000,
        runtime=240,
    params:
        settings=PLAN.settings_of("cams"),
        classifier=PLAN.settings_of("classifier"),
        code=PLAN.code_of("make_cams"),
    script:
        "../workflow_scripts/make_cams.py"


rule count_words:
    input:
        images=IMAGES,
        labels=IMAGE_LABELS,
        weights=file_of("classifier"),
    output:
        census=file_of("classifier", "words/census.json"),
    log:
        log_of("classifier", "words/census.log"),
    benchmark:
        log_of("classifier", "words/census.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    threads: 16
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=120,
    params:
        settings=PLAN.settings_of("classifier"),
        code=PLAN.code_of("count_words"),
    script:
        "../workflow_scripts/count_words.py"

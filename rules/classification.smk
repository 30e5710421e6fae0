"""The classifier with visual words and hybrid pooling, and its class activation maps or those of a user's files."""


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
    wildcard_constraints:
        classifier=PLAN.folders_of(["classifier"], files=False),
    conda:
        "../envs/wsss.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=growing(16000),
        # Minutes: ten times what COCO's preset takes on an H200 (docs/decisions.md).
        runtime=growing(400),
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
    wildcard_constraints:
        cams=PLAN.folders_of(["cams"], files=False),
    conda:
        "../envs/wsss.yaml"
    threads: 8
    resources:
        gpu=1,
        # At twice the size of a photograph of 2 megapixels.
        mem_mb=growing(12000),
        runtime=growing(240),
    params:
        settings=PLAN.settings_of("cams"),
        classifier=PLAN.settings_of("classifier"),
        code=PLAN.code_of("make_cams"),
    script:
        "../workflow_scripts/make_cams.py"


# All files are checked before any of them is used, and before all trainings.
rule check_cam_files:
    input:
        images=IMAGES,
        labels=IMAGE_LABELS,
    output:
        checked=file_of("cams", "checked.txt", parent="data"),
    log:
        log_of("cams", "checked.log", parent="data"),
    benchmark:
        log_of("cams", "checked.benchmark.tsv", parent="data")
    wildcard_constraints:
        cams=PLAN.folders_of(["cams"], files=True),
    priority: 1
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=PLAN.settings_of("cams"),
        content=PLAN.content_of("cams"),
        code=PLAN.code_of("check_cam_files"),
    script:
        "../workflow_scripts/check_cam_files.py"


rule make_cams_of_files:
    input:
        images=IMAGES,
        labels=IMAGE_LABELS,
        checked=file_of("cams", "checked.txt", parent="data"),
    output:
        manifest=file_of("cams", "shards/{split}/{shard}.tsv", parent="data"),
    log:
        log_of("cams", "{split}-{shard}.log", parent="data"),
    benchmark:
        log_of("cams", "{split}-{shard}.benchmark.tsv", parent="data")
    wildcard_constraints:
        cams=PLAN.folders_of(["cams"], files=True),
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=PLAN.settings_of("cams"),
        content=PLAN.content_of("cams"),
        code=PLAN.code_of("make_cams_of_files"),
    script:
        "../workflow_scripts/make_cams_of_files.py"


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
    threads: 8
    resources:
        gpu=1,
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=PLAN.settings_of("classifier"),
        code=PLAN.code_of("count_words"),
    script:
        "../workflow_scripts/count_words.py"

"""Prepares datasets: an index of images, image-level labels and lists beside the photographs."""


rule generate_synthetic:
    output:
        images=IMAGES,
        labels=IMAGE_LABELS,
    log:
        log_of("data", "images.log"),
    benchmark:
        log_of("data", "images.benchmark.tsv")
    wildcard_constraints:
        data=PLAN.data_from("synthetic"),
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        settings=PLAN.settings_of("data"),
        code=PLAN.code_of("generate_synthetic"),
    script:
        "../workflow_scripts/generate_synthetic.py"


rule prepare_folder:
    output:
        images=IMAGES,
        labels=IMAGE_LABELS,
    log:
        log_of("data", "images.log"),
    benchmark:
        log_of("data", "images.benchmark.tsv")
    wildcard_constraints:
        data=PLAN.data_from("folder"),
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        # Each thread may decode a photograph of 179 megapixels.
        mem_mb=growing(6000),
        runtime=growing(120),
    params:
        settings=PLAN.settings_of("data"),
        tables=PLAN.tables_of,
        code=PLAN.code_of("prepare_folder"),
    script:
        "../workflow_scripts/prepare_folder.py"


rule prepare_images:
    output:
        images=IMAGES,
        labels=IMAGE_LABELS,
    log:
        log_of("data", "images.log"),
    benchmark:
        log_of("data", "images.benchmark.tsv")
    wildcard_constraints:
        data=PLAN.data_from("images"),
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        # Each thread may decode a photograph of 179 megapixels.
        mem_mb=growing(6000),
        runtime=growing(120),
    params:
        settings=PLAN.settings_of("data"),
        tables=PLAN.tables_of,
        code=PLAN.code_of("prepare_images"),
    script:
        "../workflow_scripts/prepare_images.py"


rule prepare_coco:
    output:
        images=IMAGES,
        labels=IMAGE_LABELS,
    log:
        log_of("data", "images.log"),
    benchmark:
        log_of("data", "images.benchmark.tsv")
    wildcard_constraints:
        data=PLAN.data_from("coco"),
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        # Each thread may decode a photograph of 179 megapixels.
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=PLAN.settings_of("data"),
        tables=PLAN.tables_of,
        code=PLAN.code_of("prepare_coco"),
    script:
        "../workflow_scripts/prepare_coco.py"


rule make_backbone:
    output:
        weights=file_of("backbone"),
    log:
        log_of("backbone", "weights.log"),
    benchmark:
        log_of("backbone", "weights.benchmark.tsv")
    # Weights are downloaded where snakemake runs: the nodes of many clusters have no way out.
    localrule: True
    conda:
        "../envs/wsss.yaml"
    params:
        settings=PLAN.settings_of("backbone"),
        code=PLAN.code_of("make_backbone"),
    script:
        "../workflow_scripts/make_backbone.py"


# The archive itself is not an output. Snakemake deletes outputs of a failed job, but a partial download must be kept.
rule fetch_archive:
    output:
        stamp="results/archives/{archive}.checked",
    log:
        "logs/archives/{archive}.log",
    benchmark:
        "logs/archives/{archive}.benchmark.tsv"
    localrule: True
    conda:
        "../envs/wsss.yaml"
    params:
        code=PLAN.code_of("fetch_archive"),
    script:
        "../workflow_scripts/fetch_archive.py"


rule prepare_voc12:
    input:
        voc="results/archives/VOCtrainval_11-May-2012.tar.checked",
        sbd="results/archives/benchmark.tgz.checked",
    output:
        images=IMAGES,
        labels=IMAGE_LABELS,
    log:
        log_of("data", "images.log"),
    benchmark:
        log_of("data", "images.benchmark.tsv")
    wildcard_constraints:
        data=PLAN.data_from("voc12"),
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        mem_mb=growing(6000),
        runtime=growing(120),
    params:
        settings=PLAN.settings_of("data"),
        tables=PLAN.tables_of,
        code=PLAN.code_of("prepare_voc12"),
    script:
        "../workflow_scripts/prepare_voc12.py"


rule prepare_coco14:
    input:
        "results/archives/train2014.zip.checked",
        "results/archives/val2014.zip.checked",
        "results/archives/annotations_trainval2014.zip.checked",
    output:
        images=IMAGES,
        labels=IMAGE_LABELS,
    log:
        log_of("data", "images.log"),
    benchmark:
        log_of("data", "images.benchmark.tsv")
    wildcard_constraints:
        data=PLAN.data_from("coco14"),
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=PLAN.settings_of("data"),
        code=PLAN.code_of("prepare_coco14"),
    script:
        "../workflow_scripts/prepare_coco14.py"

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


# Snakemake allows no benchmark where `cache` is set.
rule make_backbone:
    output:
        weights=file_of("backbone"),
        settings=file_of("backbone", "settings.json"),
        # The sums are outputs, so that the cache holds them too.
        weights_sum=file_of("backbone", ".sums/weights.safetensors.tsv"),
        settings_sum=file_of("backbone", ".sums/settings.json.tsv"),
    log:
        log_of("backbone", "weights.log"),
    wildcard_constraints:
        backbone=PLAN.backbones_from(["scratch", "imagenet"]),
    cache: True
    # Weights are downloaded where snakemake runs: the nodes of many clusters have no way out.
    localrule: True
    conda:
        "../envs/wsss.yaml"
    params:
        settings=PLAN.settings_of("backbone"),
        code=PLAN.code_of("make_backbone"),
    script:
        "../workflow_scripts/make_backbone.py"


# Without `file_sha256`, the settings do not say which file it is. So other workplaces must not get it from a cache.
use rule make_backbone as make_backbone_of_file with:
    wildcard_constraints:
        backbone=PLAN.backbones_from(["file"]),
    cache: False


# The output is a link to the archive. Snakemake deletes outputs of a failed job, but a partial download, or a user's own
# copy, must be kept.
rule fetch_archive:
    output:
        archive="results/archives/{archive}",
        archive_sum="results/archives/.sums/{archive}.tsv",
    log:
        "logs/archives/{archive}.log",
    wildcard_constraints:
        archive=r"[^/]+\.(tar|tgz|zip)",
    cache: "omit-software"
    localrule: True
    conda:
        "../envs/wsss.yaml"
    params:
        # Wildcards do not count in the key of Snakemake's cache.
        archive="{archive}",
        code=PLAN.code_of("fetch_archive"),
    script:
        "../workflow_scripts/fetch_archive.py"


rule prepare_voc12:
    input:
        voc="results/archives/VOCtrainval_11-May-2012.tar",
        sbd="results/archives/benchmark.tgz",
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
        archives=[
            "results/archives/train2014.zip",
            "results/archives/val2014.zip",
            "results/archives/annotations_trainval2014.zip",
        ],
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

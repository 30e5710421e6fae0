"""Datasets made ready: an index of images, image-level labels and lists beside a folder in VOC layout."""


rule generate_synthetic:
    output:
        images="results/{data}/images.tsv",
        labels="results/{data}/image_labels.csv",
    log:
        "logs/{data}/images.log",
    benchmark:
        "logs/{data}/images.benchmark.tsv"
    params:
        settings=settings_of("data"),
        code=code_of("generate_synthetic.py"),
    wildcard_constraints:
        data=data_of_kind("synthetic"),
    threads: 4
    resources:
        mem_mb=2000,
        runtime=30,
    conda:
        "../envs/wsss.yaml"
    script:
        "../workflow_scripts/generate_synthetic.py"


rule prepare_folder:
    output:
        images="results/{data}/images.tsv",
        labels="results/{data}/image_labels.csv",
    log:
        "logs/{data}/images.log",
    benchmark:
        "logs/{data}/images.benchmark.tsv"
    params:
        settings=settings_of("data"),
        source=MACHINE.locations.dataset,
        code=code_of("prepare_folder.py"),
    wildcard_constraints:
        data=data_of_kind("folder"),
    threads: 4
    resources:
        mem_mb=2000,
        runtime=120,
    conda:
        "../envs/wsss.yaml"
    script:
        "../workflow_scripts/prepare_folder.py"


rule initial_weights:
    output:
        weights="results/backbones/{backbone}/weights.safetensors",
    log:
        "logs/backbones/{backbone}.log",
    benchmark:
        "logs/backbones/{backbone}.benchmark.tsv"
    params:
        settings=settings_of("backbone"),
        files=MACHINE.locations.backbones,
        code=code_of("write_initial_weights.py"),
    resources:
        mem_mb=4000,
        runtime=60,
    conda:
        "../envs/wsss.yaml"
    script:
        "../workflow_scripts/write_initial_weights.py"


# The archive itself is no output: Snakemake deletes the outputs of a failed job, and a partial download is worth keeping.
rule fetch_archive:
    output:
        stamp="results/archives/{archive}.checked",
    log:
        "logs/archives/{archive}.log",
    benchmark:
        "logs/archives/{archive}.benchmark.tsv"
    params:
        folder=MACHINE.locations.archives,
        code=code_of("fetch_archive.py"),
    localrule: True
    conda:
        "../envs/wsss.yaml"
    script:
        "../workflow_scripts/fetch_archive.py"


rule prepare_voc12:
    input:
        voc="results/archives/VOCtrainval_11-May-2012.tar.checked",
        sbd="results/archives/benchmark.tgz.checked",
    output:
        images="results/{data}/images.tsv",
        labels="results/{data}/image_labels.csv",
    log:
        "logs/{data}/images.log",
    benchmark:
        "logs/{data}/images.benchmark.tsv"
    params:
        settings=settings_of("data"),
        folder=MACHINE.locations.archives,
        code=code_of("prepare_voc12.py"),
    wildcard_constraints:
        data=data_of_kind("voc12"),
    threads: 4
    resources:
        mem_mb=4000,
        runtime=120,
    conda:
        "../envs/wsss.yaml"
    script:
        "../workflow_scripts/prepare_voc12.py"

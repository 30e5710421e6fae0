"""Datasets made ready: an index of images, image-level labels and lists beside a folder in VOC layout."""


rule generate_synthetic:
    output:
        images="results/{data}/images.tsv",
        labels="results/{data}/image_labels.csv",
    log:
        "logs/{data}/images.log",
    benchmark:
        "logs/{data}/images.benchmark.tsv"
    wildcard_constraints:
        data=data_from("synthetic"),
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings_of("data"),
        code=code_of("generate_synthetic.py"),
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
    wildcard_constraints:
        data=data_from("folder"),
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        settings=settings_of("data"),
        source=MACHINE.locations.dataset,
        own_lists=str(OWN_LISTS or ""),
        tables=tables_of,
        code=code_of("prepare_folder.py"),
    script:
        "../workflow_scripts/prepare_folder.py"


rule initial_weights:
    output:
        weights="results/backbones/{backbone}/weights.safetensors",
    log:
        "logs/backbones/{backbone}.log",
    benchmark:
        "logs/backbones/{backbone}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=settings_of("backbone"),
        files=MACHINE.locations.backbones,
        code=code_of("write_initial_weights.py"),
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
    localrule: True
    conda:
        "../envs/wsss.yaml"
    params:
        folder=MACHINE.locations.archives,
        code=code_of("fetch_archive.py"),
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
    wildcard_constraints:
        data=data_from("voc12"),
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=settings_of("data"),
        folder=MACHINE.locations.archives,
        own_lists=str(OWN_LISTS or ""),
        tables=tables_of,
        code=code_of("prepare_voc12.py"),
    script:
        "../workflow_scripts/prepare_voc12.py"

"""From CAMs to pseudo labels: confident labels by CRF, affinities by IRNet, and a random walk over them."""


rule make_confident_labels:
    input:
        images="results/{data}/images.tsv",
        cams="results/{data}/{classifier}/{cams}/shards/train/{shard}.tsv",
    output:
        manifest="results/{data}/{classifier}/{cams}/{confident}/shards/train/{shard}.tsv",
    log:
        "logs/{data}/{classifier}/{cams}/{confident}/{shard}.log",
    benchmark:
        "logs/{data}/{classifier}/{cams}/{confident}/{shard}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=4000,
        runtime=480,
    params:
        settings=settings_of("confident"),
        code=code_of("make_confident_labels.py"),
    script:
        "../workflow_scripts/make_confident_labels.py"


rule train_irnet:
    input:
        images="results/{data}/images.tsv",
        labels=expand(
            "results/{{data}}/{{classifier}}/{{cams}}/{{confident}}/shards/train/{shard}.tsv",
            shard=SHARDS,
        ),
        initial=initial_weights("irnet"),
    output:
        weights="results/{data}/{classifier}/{cams}/{confident}/{irnet}/edges.safetensors",
        log="results/{data}/{classifier}/{cams}/{confident}/{irnet}/training.csv",
        settings="results/{data}/{classifier}/{cams}/{confident}/{irnet}/settings.json",
    log:
        "logs/{data}/{classifier}/{cams}/{confident}/{irnet}/training.log",
    benchmark:
        "logs/{data}/{classifier}/{cams}/{confident}/{irnet}/training.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    threads: 16
    resources:
        gpu=1,
        mem_mb=16000,
        # Ten times what COCO's preset takes on an H200: docs/decisions.md, on a GPU.
        runtime=90,
    params:
        settings=settings_of("irnet"),
        code=code_of("train_irnet.py"),
    script:
        "../workflow_scripts/train_irnet.py"


rule make_pseudo_labels:
    input:
        images="results/{data}/images.tsv",
        cams="results/{data}/{classifier}/{cams}/shards/train/{shard}.tsv",
        weights="results/{data}/{classifier}/{cams}/{confident}/{irnet}/edges.safetensors",
        initial=initial_weights("irnet"),
    output:
        manifest="results/{data}/{classifier}/{cams}/{confident}/{irnet}/{pseudo}/shards/train/{shard}.tsv",
    log:
        "logs/{data}/{classifier}/{cams}/{confident}/{irnet}/{pseudo}/{shard}.log",
    benchmark:
        "logs/{data}/{classifier}/{cams}/{confident}/{irnet}/{pseudo}/{shard}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=480,
    params:
        settings=settings_of("pseudo"),
        irnet=settings_of("irnet"),
        code=code_of("make_pseudo_labels.py"),
    script:
        "../workflow_scripts/make_pseudo_labels.py"

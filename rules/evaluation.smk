"""Leaves, the only steps that look at masks: scores, threshold curves, panels and the report of a run."""


rule score_cams:
    input:
        images="results/{data}/images.tsv",
        cams=expand(
            "results/{{data}}/{{classifier}}/{{cams}}/shards/{{split}}/{shard}.tsv",
            shard=SHARDS,
        ),
    output:
        curve="results/{data}/{classifier}/{cams}/{cam_curve}/{split}.json",
    log:
        "logs/{data}/{classifier}/{cams}/{cam_curve}/{split}.log",
    benchmark:
        "logs/{data}/{classifier}/{cams}/{cam_curve}/{split}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=settings_of("cam_curve"),
        code=code_of("score_cams.py"),
    script:
        "../workflow_scripts/score_cams.py"


rule make_cam_crf:
    input:
        images="results/{data}/images.tsv",
        cams=expand(
            "results/{{data}}/{{classifier}}/{{cams}}/shards/{{split}}/{shard}.tsv",
            shard=SHARDS,
        ),
    output:
        manifest="results/{data}/{classifier}/{cams}/{cam_crf}/shards/{split}/{shard}.tsv",
    log:
        "logs/{data}/{classifier}/{cams}/{cam_crf}/{split}-{shard}.log",
    benchmark:
        "logs/{data}/{classifier}/{cams}/{cam_crf}/{split}-{shard}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        settings=settings_of("cam_crf"),
        code=code_of("make_cam_crf.py"),
    script:
        "../workflow_scripts/make_cam_crf.py"


rule score_labels:
    input:
        images="results/{data}/images.tsv",
        labels=expand(
            "results/{{data}}/{{stage}}/shards/{{split}}/{shard}.tsv", shard=SHARDS
        ),
    output:
        matrix="results/{data}/{stage}/scores/{split}.json",
    log:
        "logs/{data}/{stage}/scores-{split}.log",
    benchmark:
        "logs/{data}/{stage}/scores-{split}.benchmark.tsv"
    wildcard_constraints:
        stage=r".+/((cam_crf|pseudo)-[0-9a-f]{6}|labels-[0-9a-f]{6}/(plain|crf))",
    conda:
        "../envs/wsss.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_of("score_labels.py"),
    script:
        "../workflow_scripts/score_labels.py"


rule collect_metrics:
    input:
        unpack(scores_of),
        images=images_of,
    output:
        json="results/runs/{run}/metrics.json",
        csv="results/runs/{run}/metrics.csv",
    log:
        "logs/runs/{run}/metrics.log",
    benchmark:
        "logs/runs/{run}/metrics.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=run_settings,
        code=code_of("collect_metrics.py"),
    script:
        "../workflow_scripts/collect_metrics.py"


rule draw_panels:
    input:
        unpack(panel_manifests),
        images=images_of,
    output:
        panels="results/runs/{run}/panels_{split}.png",
    log:
        "logs/runs/{run}/panels_{split}.log",
    benchmark:
        "logs/runs/{run}/panels_{split}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        panels=panel_count,
        code=code_of("draw_panels.py"),
    script:
        "../workflow_scripts/draw_panels.py"


rule write_report:
    input:
        unpack(training_logs),
        unpack(panels_of),
        unpack(curves_of),
        unpack(bound_scores),
        images=images_of,
        metrics="results/runs/{run}/metrics.json",
    output:
        report="results/runs/{run}/report.html",
        artifacts="results/runs/{run}/artifacts.tsv",
    log:
        "logs/runs/{run}/report.log",
    benchmark:
        "logs/runs/{run}/report.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=run_settings,
        paths=run_paths,
        code=code_of("write_report.py"),
    script:
        "../workflow_scripts/write_report.py"


rule compare:
    input:
        scores=compared_scores,
        images=compared_images,
    output:
        table="results/comparisons/{comparison}/table.csv",
        markdown="results/comparisons/{comparison}/table.md",
        records="results/comparisons/{comparison}/records.json",
        plot="results/comparisons/{comparison}/plot.png",
    log:
        "logs/comparisons/{comparison}.log",
    benchmark:
        "logs/comparisons/{comparison}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        runs=compared_json,
        stage=lambda wildcards: COMPARISONS[wildcards.comparison].stage,
        published=published,
        code=code_of("compare.py"),
    script:
        "../workflow_scripts/compare.py"


rule draw_words:
    input:
        images="results/{data}/images.tsv",
        census="results/{data}/{classifier}/words/census.json",
    output:
        regions="results/{data}/{classifier}/words/regions.png",
        classes="results/{data}/{classifier}/words/classes.png",
        similarity="results/{data}/{classifier}/words/similarity.png",
    log:
        "logs/{data}/{classifier}/words/figures.log",
    benchmark:
        "logs/{data}/{classifier}/words/figures.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_of("draw_words.py"),
    script:
        "../workflow_scripts/draw_words.py"


rule compare_words:
    input:
        censuses=compared_censuses,
    output:
        similarity="results/comparisons/{comparison}/words.png",
    log:
        "logs/comparisons/{comparison}-words.log",
    benchmark:
        "logs/comparisons/{comparison}-words.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        rows=compared_rows,
        code=code_of("compare_words.py"),
    script:
        "../workflow_scripts/compare_words.py"

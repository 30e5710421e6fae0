"""Scores, threshold curves, panels and reports. Only these steps read masks (besides fully supervised runs)."""


rule make_cam_curve:
    input:
        images=IMAGES,
        cams="results/{data}/{maps}/{split}.tsv",
    output:
        curve=file_of("cam_curve", "{split}.json"),
    log:
        log_of("cam_curve", "{split}.log"),
    benchmark:
        log_of("cam_curve", "{split}.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=PLAN.settings_of("cam_curve"),
        code=PLAN.code_of("make_cam_curve"),
    script:
        "../workflow_scripts/make_cam_curve.py"


rule make_cam_crf:
    input:
        images=IMAGES,
        cams="results/{data}/{maps}/{split}.tsv",
    output:
        manifest=file_of("cam_crf", "shards/{split}/{shard}.tsv"),
    log:
        log_of("cam_crf", "{split}-{shard}.log"),
    benchmark:
        log_of("cam_crf", "{split}-{shard}.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=PLAN.settings_of("cam_crf"),
        code=PLAN.code_of("make_cam_crf"),
    script:
        "../workflow_scripts/make_cam_crf.py"


rule score_labels:
    input:
        images=IMAGES,
        labels="results/{data}/{folder}/{split}.tsv",
    output:
        matrix="results/{data}/{folder}/scores/{split}.json",
    log:
        "logs/{data}/{folder}/scores-{split}.log",
    benchmark:
        "logs/{data}/{folder}/scores-{split}.benchmark.tsv"
    wildcard_constraints:
        folder=r"(.+/)?((cam_crf|pseudo_labels|merged_labels)-[^/]+|prediction_labels-[^/]+/(plain|crf))",
    conda:
        "../envs/wsss.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=PLAN.code_of("score_labels"),
    script:
        "../workflow_scripts/score_labels.py"


rule collect_metrics:
    input:
        unpack(RUN_PAGES.scores),
        images=RUN_PAGES.images,
    output:
        json="results/runs/{run}/metrics.json",
        csv=report(
            "results/runs/{run}/metrics.csv",
            caption="captions/metrics.rst",
            category="Scores",
            labels={"run": "{run}", "content": "scores"},
        ),
    log:
        "logs/runs/{run}/metrics.log",
    benchmark:
        "logs/runs/{run}/metrics.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        settings=RUN_PAGES.settings,
        code=PLAN.code_of("collect_metrics"),
    script:
        "../workflow_scripts/collect_metrics.py"


rule draw_panels:
    input:
        unpack(RUN_PAGES.panel_inputs),
        images=RUN_PAGES.images,
    output:
        panels=report(
            "results/runs/{run}/panels_{split}.png",
            caption="captions/panels.rst",
            category="Panels",
            labels={"run": "{run}", "content": "images of {split}"},
        ),
    log:
        "logs/runs/{run}/panels_{split}.log",
    benchmark:
        "logs/runs/{run}/panels_{split}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        panels=RUN_PAGES.panel_count,
        code=PLAN.code_of("draw_panels"),
    script:
        "../workflow_scripts/draw_panels.py"


rule write_report:
    input:
        unpack(RUN_PAGES.report_inputs),
        images=RUN_PAGES.images,
        metrics="results/runs/{run}/metrics.json",
    output:
        report=report(
            "results/runs/{run}/report.html",
            caption="captions/report.rst",
            category="Scores",
            labels={"run": "{run}", "content": "page"},
        ),
        artifacts="results/runs/{run}/artifacts.tsv",
    log:
        "logs/runs/{run}/report.log",
    benchmark:
        "logs/runs/{run}/report.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        settings=RUN_PAGES.settings,
        paths=RUN_PAGES.paths,
        code=PLAN.code_of("write_report"),
    script:
        "../workflow_scripts/write_report.py"


# It removes what was in its folder, so only the index is declared.
rule make_masks:
    input:
        images=RUN_PAGES.images,
        labels=RUN_PAGES.mask_inputs,
    output:
        index="results/runs/{run}/masks/index.csv",
    log:
        "logs/runs/{run}/masks.log",
    benchmark:
        "logs/runs/{run}/masks.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    threads: 4
    resources:
        # Each thread holds a photograph at full size.
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        splits=RUN_PAGES.mask_splits,
        code=PLAN.code_of("make_masks"),
    script:
        "../workflow_scripts/make_masks.py"


rule make_model:
    input:
        images=RUN_PAGES.images,
        weights=RUN_PAGES.model_weights,
        metrics="results/runs/{run}/metrics.json",
    output:
        model="results/runs/{run}/model/segmenter.safetensors",
        card="results/runs/{run}/model/model_card.md",
    log:
        "logs/runs/{run}/model.log",
    benchmark:
        "logs/runs/{run}/model.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        settings=RUN_PAGES.settings,
        digests=RUN_PAGES.model_digests,
        code=PLAN.code_of("make_model"),
    script:
        "../workflow_scripts/make_model.py"


rule compare:
    input:
        scores=COMPARISON_PAGES.scores,
        images=COMPARISON_PAGES.images,
    output:
        table=report(
            "results/comparisons/{comparison}/table.csv",
            caption="captions/table.rst",
            category="Comparisons",
            labels={"comparison": "{comparison}", "content": "table"},
        ),
        markdown="results/comparisons/{comparison}/table.md",
        records="results/comparisons/{comparison}/records.json",
        plot=report(
            "results/comparisons/{comparison}/plot.png",
            caption="captions/plot.rst",
            category="Comparisons",
            labels={"comparison": "{comparison}", "content": "plot"},
        ),
    log:
        "logs/comparisons/{comparison}.log",
    benchmark:
        "logs/comparisons/{comparison}.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        runs=COMPARISON_PAGES.runs,
        stage=COMPARISON_PAGES.stage,
        published=COMPARISON_PAGES.published,
        code=PLAN.code_of("compare"),
    script:
        "../workflow_scripts/compare.py"


rule draw_words:
    input:
        images=IMAGES,
        census=file_of("classifier", "words/census.json"),
    output:
        regions=report(
            file_of("classifier", "words/regions.png"),
            caption="captions/regions.rst",
            category="Visual words",
            labels={"classifier": "{data}/{classifier}", "content": "regions"},
        ),
        classes=report(
            file_of("classifier", "words/classes.png"),
            caption="captions/classes.rst",
            category="Visual words",
            labels={"classifier": "{data}/{classifier}", "content": "classes"},
        ),
        similarity=report(
            file_of("classifier", "words/similarity.png"),
            caption="captions/similarity.rst",
            category="Visual words",
            labels={"classifier": "{data}/{classifier}", "content": "similarity"},
        ),
    log:
        log_of("classifier", "words/figures.log"),
    benchmark:
        log_of("classifier", "words/figures.benchmark.tsv")
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=PLAN.code_of("draw_words"),
    script:
        "../workflow_scripts/draw_words.py"


rule compare_words:
    input:
        censuses=COMPARISON_PAGES.census_files,
    output:
        similarity=report(
            "results/comparisons/{comparison}/words.png",
            caption="captions/words.rst",
            category="Comparisons",
            labels={"comparison": "{comparison}", "content": "visual words"},
        ),
    log:
        "logs/comparisons/{comparison}-words.log",
    benchmark:
        "logs/comparisons/{comparison}-words.benchmark.tsv"
    conda:
        "../envs/wsss.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        rows=COMPARISON_PAGES.census_rows,
        code=PLAN.code_of("compare_words"),
    script:
        "../workflow_scripts/compare_words.py"

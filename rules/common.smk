"""All of the workflow's Python: the config's runs as chains of path segments, and what rules ask of them."""

import json
import os
import re
import sys
from pathlib import Path

PROJECT = Path(workflow.basedir)
sys.path.insert(0, str(PROJECT))

from wsss.errors import WsssError
from wsss.plan.locations import own_lists_folder, source_of, tables_digest
from wsss.plan.provenance import code_digest, segment
from wsss.settings.run import RunSettings, read_config

try:
    CONFIG = read_config(config)
except WsssError as error:
    sys.exit(f"error: {error}")


def segments(run):
    """Each stage's path segment and settings, in a run."""
    settings = {
        "data": (run.data.name, run.data),
        "classifier_backbone": (run.classifier.backbone.label, run.classifier.backbone),
        "irnet_backbone": (run.irnet.backbone.label, run.irnet.backbone),
        "segmentation_backbone": (
            run.segmentation.backbone.label,
            run.segmentation.backbone,
        ),
        "classifier": (run.classifier.label, run.classifier),
        "cams": ("cams", run.cams),
        "cam_crf": ("cam_crf", run.cam_crf),
        "confident_labels": ("confident", run.confident_labels),
        "irnet": ("irnet", run.irnet),
        "pseudo_labels": ("pseudo", run.pseudo_labels),
        "segmentation": ("deeplab", run.segmentation),
        "prediction": ("prediction", run.prediction),
        "prediction_labels": ("labels", run.prediction_labels),
        "cam_curve": ("cam_curve", run.cam_curve),
    }
    return {
        stage: (segment(label, own.key()), own)
        for stage, (label, own) in settings.items()
    }


def paths(run):
    """Where each stage of a run leaves its artifacts, below results/: the path is the ancestry.

    A run that is supervised by the truth has no stage before its segmentation network.
    """
    names = {stage: name for stage, (name, own) in segments(run).items()}
    at = {"data": names["data"]}
    parent = "data"
    if run.supervision == "pseudo_labels":
        for stage in (
            "classifier",
            "cams",
            "confident_labels",
            "irnet",
            "pseudo_labels",
        ):
            at[stage] = f"{at[parent]}/{names[stage]}"
            parent = stage
        at["cam_curve"] = f"{at['cams']}/{names['cam_curve']}"
        at["cam_crf"] = f"{at['cams']}/{names['cam_crf']}"
        supervision = at["pseudo_labels"]
    else:
        supervision = f"{at['data']}/truth"
    at["segmentation"] = f"{supervision}/{names['segmentation']}"
    at["prediction"] = f"{at['segmentation']}/{names['prediction']}"
    at["prediction_labels"] = f"{at['prediction']}/{names['prediction_labels']}"
    return at


MACHINE = CONFIG.machine
OWN_LISTS = own_lists_folder(MACHINE.locations, PROJECT)
COMPARED = [
    run
    for comparison in CONFIG.comparisons.values()
    for seeds in comparison.rows.values()
    for run in seeds.values()
]
SEGMENTS = {
    name: own
    for run in [*CONFIG.runs.values(), *COMPARED]
    for name, own in segments(run).values()
}
# A run's page carries a hash of all its settings: changed and changed back, the earlier page is found.
PAGES = {name: segment(name, run.key()) for name, run in CONFIG.runs.items()}
RUNS = {PAGES[name]: run for name, run in CONFIG.runs.items()}
PATHS = {page: paths(run) for page, run in RUNS.items()}
TABLES = {name: segment(name, own.key()) for name, own in CONFIG.comparisons.items()}
COMPARISONS = {TABLES[name]: own for name, own in CONFIG.comparisons.items()}
# What `snakemake <name>` makes, by the name of a run or of a comparison; the first file is in the folder to be shown.
TARGETS = [
    *((name, [f"results/runs/{page}/report.html"]) for name, page in PAGES.items()),
    *(
        (
            name,
            [
                f"results/comparisons/{table}/{file}"
                for file in [
                    "table.csv",
                    *(["words.png"] if COMPARISONS[table].words else []),
                ]
            ],
        )
        for name, table in TABLES.items()
    ),
]
# Splits that the images of a stage come from.
SPLITS = {"cams": ("train", "val"), "pseudo_labels": ("train",)}
SHARDS = [f"{i}-of-{MACHINE.shards}" for i in range(MACHINE.shards)]


def show_pages():
    """Let results/runs/<run> and results/comparisons/<name> lead to what the settings of now have made, once it is there."""
    for name, (made, *_) in TARGETS:
        if Path(made).exists():
            link = Path(made).parent.with_name(name)
            temporary = link.with_name(f".{name}.{os.getpid()}.tmp")
            try:
                temporary.symlink_to(Path(made).parent.name)
                temporary.replace(link)
            except OSError as error:
                temporary.unlink(missing_ok=True)
                print(
                    f"warning: {link} does not lead to {made} ({error.strerror}): move it away",
                    file=sys.stderr,
                )


def tables_of(wildcards):
    """What lists and image-level labels say: when they are corrected, what hangs on them is made anew."""
    return tables_digest(SEGMENTS[wildcards.data], MACHINE.locations, PROJECT)


def settings_of(wildcard):
    """Settings of the stage whose path segment this wildcard holds, as JSON of every key, sorted."""

    def of(wildcards):
        return SEGMENTS[wildcards[wildcard]].complete()

    return of


def code_of(script):
    """Digest of the code that a script can reach: its change reruns the step, a comment's does not."""
    return code_digest(PROJECT / "workflow_scripts" / script)


def initial_weights(wildcard):
    """The weights that the stage in this wildcard starts from."""

    def of(wildcards):
        backbone = SEGMENTS[wildcards[wildcard]].backbone
        return f"results/backbones/{segment(backbone.label, backbone.key())}/weights.safetensors"

    return of


def data_from(source):
    """Pattern of the datasets that come from one source; where there is none, a pattern that matches nothing."""
    names = sorted(
        {
            name
            for name, own in SEGMENTS.items()
            if hasattr(own, "kind") and source_of(own, MACHINE.locations) == source
        }
    )
    return "|".join(names) or "no-such-data"


def shards_of(folder, split):
    """Manifests of all shards of a split."""
    return [f"results/{folder}/shards/{split}/{shard}.tsv" for shard in SHARDS]


def targets(stage):
    """What the runs that the config names as targets must leave behind."""
    wanted = []
    for page in map(PAGES.get, MACHINE.targets):
        at = PATHS[page]
        if stage == "report":
            wanted.append(f"results/runs/{page}/report.html")
        elif stage == "words" and "classifier" in at:
            wanted.append(f"results/{at['classifier']}/words/regions.png")
        elif stage == "segmentation":
            wanted.append(f"results/{at['segmentation']}/segmenter.safetensors")
        elif stage in at:
            for split in SPLITS[stage]:
                wanted += shards_of(at[stage], split)
    return wanted


def run_settings(wildcards):
    """Every setting of a run, as JSON."""
    return RUNS[wildcards.run].complete()


def panel_count(wildcards):
    """How many images the panels of a run show."""
    return RUNS[wildcards.run].report.panels


def run_paths(wildcards):
    """Where each stage of a run has its artifacts, as JSON."""
    return json.dumps(
        {stage: f"results/{path}" for stage, path in PATHS[wildcards.run].items()},
        sort_keys=True,
    )


def images_of(wildcards):
    """The index of a run's images: in its folder lies the dataset made ready."""
    return f"results/{PATHS[wildcards.run]['data']}/images.tsv"


def scores(at):
    """Scores of the stages that lie at these paths, as <stage>_<split>; a bound on the truth has no CAMs of its own."""
    labels = at["prediction_labels"]
    found = {
        "prediction_val": f"results/{labels}/plain/scores/val.json",
        "prediction_crf_val": f"results/{labels}/crf/scores/val.json",
    }
    if "cams" in at:
        found |= {
            f"cam_{split}": f"results/{at['cam_curve']}/{split}.json"
            for split in ("train", "val")
        }
        found |= {
            f"cam_crf_{split}": f"results/{at['cam_crf']}/scores/{split}.json"
            for split in ("train", "val")
        }
        found["pseudo_label_train"] = f"results/{at['pseudo_labels']}/scores/train.json"
    return found


def scores_of(wildcards):
    """The scores that a run's metrics are made of."""
    return scores(PATHS[wildcards.run])


def bound_of(run):
    """The same network on the truth, which the report of a run holds its scores against; None where it does not."""
    if run.report.recovery and run.supervision == "pseudo_labels":
        return run.model_copy(update={"supervision": "truth"})
    return None


def bound_scores(wildcards):
    """The scores of a run's bound, as bound_<stage>_<split>."""
    bound = bound_of(RUNS[wildcards.run])
    found = scores(paths(bound)) if bound else {}
    return {f"bound_{name}": path for name, path in found.items()}


def compared(wildcards):
    """Settings and scores of every run of a comparison, by row and seed."""
    comparison = COMPARISONS[wildcards.comparison]
    return {
        row: {
            str(seed): {
                "settings": run.model_dump(mode="json"),
                "scores": {
                    name: path
                    for name, path in scores(paths(run)).items()
                    if name.rpartition("_")[0] == comparison.stage
                },
            }
            for seed, run in seeds.items()
        }
        for row, seeds in comparison.rows.items()
    }


def compared_json(wildcards):
    """The same, as JSON; rows keep their order, which the table shows."""
    return json.dumps(compared(wildcards))


def published(wildcards):
    """A paper's figures for a comparison, as JSON; empty where it has none."""
    found = COMPARISONS[wildcards.comparison].published
    return found.complete() if found else ""


def compared_scores(wildcards):
    """Score files of every run of a comparison."""
    return [
        path
        for seeds in compared(wildcards).values()
        for run in seeds.values()
        for path in run["scores"].values()
    ]


def compared_words(wildcards):
    """The census of the words of each row that has some, of the first seed, by row."""
    first = {
        row: next(iter(seeds.values()))
        for row, seeds in COMPARISONS[wildcards.comparison].rows.items()
    }
    return {
        row: f"results/{paths(run)['classifier']}/words/census.json"
        for row, run in first.items()
        if run.supervision == "pseudo_labels" and run.classifier.words != "none"
    }


def compared_censuses(wildcards):
    """The files of these."""
    return list(compared_words(wildcards).values())


def compared_rows(wildcards):
    """Their rows, in the same order."""
    return list(compared_words(wildcards))


def compared_images(wildcards):
    """The index of the images that a comparison scores."""
    first = next(iter(COMPARISONS[wildcards.comparison].rows.values()))
    return f"results/{paths(next(iter(first.values())))['data']}/images.tsv"


def panel_manifests(wildcards):
    """Manifests of what the panels of a split show: pseudo labels of train, predictions of val, and CAMs of both."""
    at = PATHS[wildcards.run]
    found = {}
    if "cams" in at:
        found["cams"] = shards_of(at["cams"], wildcards.split)
        if wildcards.split == "train":
            found["pseudo_labels"] = shards_of(at["pseudo_labels"], "train")
    if wildcards.split == "val":
        found["predictions"] = shards_of(f"{at['prediction_labels']}/crf", "val")
    return found


def panels_of(wildcards):
    """The panels of a run's report; a bound on the truth has nothing of its own to show on train."""
    splits = ("train", "val") if "cams" in PATHS[wildcards.run] else ("val",)
    return {
        f"panels_{split}": f"results/runs/{wildcards.run}/panels_{split}.png"
        for split in splits
    }


def curves_of(wildcards):
    """The threshold curves of a run's CAMs."""
    return {
        name: path
        for name, path in scores_of(wildcards).items()
        if name in ("cam_train", "cam_val")
    }


def training_logs(wildcards):
    """The losses of a run's trainings."""
    at = PATHS[wildcards.run]
    return {
        f"{stage}_log": f"results/{at[stage]}/training.csv"
        for stage in ("classifier", "irnet", "segmentation")
        if stage in at
    }


wildcard_constraints:
    data="[^/]+",
    backbone="[^/]+",
    classifier="[^/]+",
    cams="cams-[0-9a-f]{6}",
    cam_crf="cam_crf-[0-9a-f]{6}",
    confident="confident-[0-9a-f]{6}",
    irnet="irnet-[0-9a-f]{6}",
    pseudo="pseudo-[0-9a-f]{6}",
    supervision="truth|.+/pseudo-[0-9a-f]{6}",
    segmentation="deeplab-[0-9a-f]{6}",
    prediction="prediction-[0-9a-f]{6}",
    labels="labels-[0-9a-f]{6}",
    cam_curve="cam_curve-[0-9a-f]{6}",
    split="train|val",
    shard="[0-9]+-of-[0-9]+",
    run="|".join(map(re.escape, RUNS)),
    comparison="|".join(map(re.escape, COMPARISONS)) or "no-comparison",

"""What a config's runs must have made, and what of it is not there."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from wsss.data.dataset import Dataset
from wsss.errors import WsssError
from wsss.manifests.rows import read_manifest
from wsss.plan.pages import SPLITS, scores
from wsss.plan.paths import paths_of, stage_of
from wsss.plan.plan import CODE_FILE, Plan
from wsss.plan.stages import ROOT, STAGES
from wsss.settings.run import RunSettings, settings_of


def folders_of_plan(plan: Plan) -> list[Path]:
    """The folders of all stages, starts, pages and tables of a config, those that are not there included."""
    compared = (run for own in plan.comparisons.values() for seeds in own.rows.values() for run in seeds.values())
    found = [folder for run in (*plan.runs.values(), *compared) for folder in (*paths_of(run).values(), *_starts(run))]
    pages = [f"{ROOT}/runs/{page}" for page in plan.runs]
    tables = [f"{ROOT}/comparisons/{table}" for table in plan.comparisons]
    return [Path(folder) for folder in dict.fromkeys([*found, *pages, *tables])]


def missing_of(plan: Plan) -> Iterator[tuple[Path, str]]:
    """The files that the config's targets must have and have not, each with a reason that may be empty."""
    seen = set()
    for page in plan.wanted:
        run = plan.runs[page]
        for file in (*_single_files(run), *_page_files(run, page)):
            if file not in seen and not Path(file).is_file():
                seen.add(file)
                yield Path(file), ""
        for manifest, reason in _missing_lists(run, plan.shards):
            if manifest not in seen:
                seen.add(manifest)
                yield Path(manifest), reason


def _starts(run: RunSettings) -> list[str]:
    """The folders of what trainings start from: backbones, and finished classifiers of the same plan."""
    trained = [settings_of(run, stage) for stage in run.trained]
    backbones = [getattr(settings, "backbone", None) for settings in trained]
    found = [f"{ROOT}/{STAGES['backbone'].folder(one)}" for one in backbones if one is not None]
    if run.classifier is not None and run.classifier.start is not None and not run.classifier.finished:
        found.append(f"{paths_of(run)['data']}/{STAGES['classifier'].folder(run.classifier.start)}")
    return list(dict.fromkeys(found))


def _single_files(run: RunSettings) -> Iterator[str]:
    paths = paths_of(run)
    for folder in _starts(run):
        yield f"{folder}/{STAGES[stage_of(Path(folder).name)].file}"
    for stage, folder in paths.items():
        if STAGES[stage].file:
            yield f"{folder}/{STAGES[stage].file}"
        if stage in run.trained:
            own = ("training.csv", "settings.json", *([CODE_FILE] if stage != "classifier" else []))
            yield from (f"{folder}/{name}" for name in own)
    data = paths["data"]
    tables = ("image_labels.csv", "dataset.json", "skipped.tsv", "masks.tsv")
    yield from (f"{data}/{name}" for name in tables)
    yield from (f"{data}/lists/{split}.txt" for split in ("train", "train_scored", "val", "test"))
    yield from scores(run).values()


def _page_files(run: RunSettings, page: str) -> Iterator[str]:
    panels = [f"panels_{split}.png" for split in (SPLITS if run.has_labels else ("val",))]
    masks = ["masks/index.csv"] if run.report.masks else []
    for name in ("report.html", "artifacts.tsv", "metrics.json", "metrics.csv", *panels, *masks):
        yield f"{ROOT}/runs/{page}/{name}"


def _missing_lists(run: RunSettings, shards: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Splits of stages without a list of all their images: neither one for the split, nor one for each shard.

    A shard is missing too where others of the same number of shards are there.
    """
    paths = paths_of(run)
    for stage, folder in paths.items():
        if STAGES[stage].product not in ("stores", "labels"):
            continue
        splits = run.cam_splits if stage in ("cams", "cam_crf") else STAGES[stage].splits
        for below in ("plain/", "crf/") if stage == "prediction_labels" else ("",):
            for split in splits:
                yield from _missing_list(f"{folder}/{below}", split, _ids(paths["data"], stage, split))
                own = [Path(f"{folder}/{below}shards/{split}/{shard}.tsv") for shard in shards]
                if any(path.is_file() for path in own):
                    yield from ((str(path), "") for path in own if not path.is_file())


def _missing_list(folder: str, split: str, ids: set[str] | None) -> Iterator[tuple[str, str]]:
    whole = Path(f"{folder}{split}.tsv")
    sets = [[whole]] if whole.is_file() else _whole_sets(Path(f"{folder}shards/{split}"))
    if not sets:
        yield str(whole), ""
        return
    try:
        listed = {row.id for manifest in sets[0] for row in read_manifest(manifest)}
    except WsssError:
        # A damaged manifest is named already.
        return
    if ids is not None and (lost := sorted(ids - listed)):
        yield str(whole), f"{len(lost)} images of {split} are not listed, the first is {lost[0]}"


def _whole_sets(folder: Path) -> list[list[Path]]:
    """Manifests of shards i of n, for every n of which all are there."""
    by_count: dict[int, list[Path]] = {}
    for path in sorted(folder.glob("*.tsv")):
        if found := re.fullmatch(r"\d+-of-(\d+)", path.stem):
            by_count.setdefault(int(found[1]), []).append(path)
    return [paths for count, paths in by_count.items() if len(paths) == count]


def _ids(data: str, stage: str, split: str) -> set[str] | None:
    """The images of a split of a stage; None if the dataset does not say."""
    try:
        dataset = Dataset(data)
        return set(dataset.scored_ids(split) if stage == "cam_crf" else dataset.ids(split))
    except WsssError:
        return None

"""Looks at a config and at the files that it names, and says all that a run would fail with, at once."""

import time
from collections.abc import Collection, Iterator
from pathlib import Path

from wsss.data.listing import Listing
from wsss.plan.paths import paths_of
from wsss.plan.stages import STAGES, folders_of
from wsss.preflight.datasets import listing_of
from wsss.preflight.findings import Findings, warnings_of_log
from wsss.preflight.photographs import look_at_photographs
from wsss.preflight.runs import check_backbone, check_batches, check_masks
from wsss.settings.config import Config
from wsss.settings.data import DataSettings, SyntheticSettings
from wsss.settings.photographs import PhotographSettings
from wsss.settings.run import RunSettings, settings_of

# Seconds for a dataset. Reading COCO's annotations takes longer than that. Then headers are looked at for the shorter
# time. What was not looked at is checked when the dataset is prepared, before the first training.
LONGEST, SHORTEST = 10.0, 2.0


def check(config: Config, made: Collection[str] | None = None) -> Findings:
    """What a run of a config would fail with, and what its user should know, before anything is made.

    Parameters
    ----------
    config : Config
        What the config says.
    made : Collection[str] or None
        Names of the folders of stages that are about to be made; nothing is said of others. None: all of the config.

    Returns
    -------
    Findings
        Errors and warnings. What only the archives or the pixels can show is not among them.
    """
    findings = Findings()
    with warnings_of_log(findings):
        runs = list(_runs(config))
        listings = {folder: _dataset(data, config, findings) for folder, data in _datasets(runs, made).items()}
        for run in runs:
            _check_run(run, config, listings.get(STAGES["data"].folder(run.data)), made, findings)
        _check_comparisons(config, listings, made, findings)
    return findings


def _runs(config: Config) -> Iterator[RunSettings]:
    """Every run, those of comparisons once for all seeds, since these differ in nothing that is looked at."""
    yield from config.runs.values()
    for comparison in config.comparisons.values():
        yield from (next(iter(seeds.values())) for seeds in comparison.rows.values())


def _datasets(runs: list[RunSettings], made: Collection[str] | None) -> dict[str, DataSettings]:
    found = {STAGES["data"].folder(run.data): run.data for run in runs}
    return {folder: data for folder, data in found.items() if made is None or folder in made}


def _dataset(data: DataSettings, config: Config, findings: Findings) -> Listing | None:
    began = time.monotonic()
    listing = listing_of(data, config.machine.locations, findings)
    if listing is not None and isinstance(data, PhotographSettings):
        left = max(LONGEST - (time.monotonic() - began), SHORTEST)
        look_at_photographs(listing, data.on_bad_image == "skip", findings, left)
    return listing


def _check_run(
    run: RunSettings, config: Config, listing: Listing | None, made: Collection[str] | None, findings: Findings
) -> None:
    folders = {stage: path.rpartition("/")[2] for stage, path in folders_of(run).items()}
    stages = {stage for stage in run.trained if made is None or folders[stage] in made}
    images = _train_images(run, listing)
    if images is not None:
        check_batches(run, stages, images, findings)
    if listing is not None and (made is None or folders["segmentation"] in made):
        check_masks(run, listing, findings)
    for stage in stages:
        backbone = getattr(settings_of(run, stage), "backbone", None)
        if backbone is not None:
            check_backbone(backbone, config.machine.locations, findings)


def _train_images(run: RunSettings, listing: Listing | None) -> int | None:
    """The number of images of train: of the listing, of the prepared dataset, or of the settings; None if not known."""
    if listing is not None:
        return len(listing.splits["train"])
    if isinstance(run.data, SyntheticSettings):
        return run.data.train_images
    prepared = Path(paths_of(run)["data"]) / "lists" / "train.txt"
    try:
        return len(prepared.read_text().splitlines())
    except (OSError, ValueError):
        return None


def _check_comparisons(
    config: Config, listings: dict[str, Listing | None], made: Collection[str] | None, findings: Findings
) -> None:
    """Add comparisons that have nothing to score, which would be told when all rows are trained."""
    for name, comparison in config.comparisons.items():
        if made is not None and not any(folder.startswith(f"{name}-") for folder in made):
            continue
        runs = [run for seeds in comparison.rows.values() for run in seeds.values()]
        own = [listings.get(STAGES["data"].folder(run.data)) for run in runs]
        if own and all(listing is not None and not listing.masks for listing in own):
            findings.error(
                f"config: comparisons.{name}: nothing to score, because no image on the lists of what is scored has a "
                "mask: add masks, or leave the comparison out"
            )

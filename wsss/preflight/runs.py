"""What can be known of the stages of a run before the first of them starts."""

from pathlib import Path

from wsss.data.listing import Listing
from wsss.preflight.findings import Findings
from wsss.settings.backbone import BackboneSettings
from wsss.settings.locations import LocationSettings
from wsss.settings.run import TRAINED, RunSettings


def check_backbone(backbone: BackboneSettings, locations: LocationSettings, findings: Findings) -> None:
    """Add what is wrong with the file of a backbone's weights."""
    if backbone.weights != "file":
        return
    place = locations.backbones.get(backbone.name)
    if place is None:
        findings.error(
            f"config: backbone {backbone.name} has weights: file; set locations.backbones.{backbone.name} to the "
            "file's path"
        )
    elif not Path(place).is_file():
        findings.error(f"no weights at {place}: correct locations.backbones.{backbone.name}")


def check_batches(run: RunSettings, stages: set[str], images: int, findings: Findings) -> None:
    """Add stages whose batch is larger than the list of train."""
    for stage in TRAINED:
        settings = getattr(run, stage)
        if stage in stages and settings is not None and settings.batch > images:
            findings.error(
                f"config: {stage}.batch: {settings.batch} is larger than the train list of {run.data.name} ({images} "
                "images): make it smaller"
            )


def check_masks(run: RunSettings, listing: Listing, findings: Findings) -> None:
    """Add what a run lacks of masks, for scores or for full supervision."""
    train = [one for one in listing.splits["train"] if one not in listing.masks]
    if train and (run.supervision == "truth" or run.report.recovery):
        why = "supervision: truth" if run.supervision == "truth" else "report.recovery: true"
        findings.error(
            f"{why} needs a mask of every image of train, and {listing.photographs[train[0]]} has none ({len(train)} "
            f"of {len(listing.splits['train'])} have none)"
        )
    for split in ("train_scored", "val"):
        ids = listing.splits.get(split, ())
        without = [one for one in ids if one not in listing.masks]
        if without and len(without) < len(ids):
            findings.warn(
                f"{len(without)} of {len(ids)} images of {split} have no mask, such as "
                f"{listing.photographs[without[0]]}: scores are of the others"
            )

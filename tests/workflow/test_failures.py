"""What goes wrong for users ends with a code other than 0 and one clear line, and leaves nothing half-made."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow.conftest import TINY, Outcome, Workplace, run
from tests.workflow.warm_python import warm_python
from wsss.data.dataset import Dataset
from wsss.files import sha256_of
from wsss.plan.stages import STAGES
from wsss.settings.data import FolderSettings

CONFIDENT = "results/data-synthetic-*/classifier-*/cams-*/confident_labels-*/shards/train/0-of-2.tsv"
METRICS = "results/runs/default-*/metrics.json"
SCORES = "results/data-synthetic-*/classifier-*/cams-*/cam_curve-*/train.json"
WEIGHTS = "results/backbone-*/weights.safetensors"
LIST = "results/data-synthetic-*/lists/val.txt"
STORE = "results/data-synthetic-*/classifier-*/cams-*/stores/train_0002.zarr.zip"


def lose_an_image(folder: Path) -> str:
    (folder / "JPEGImages" / "train_0003.jpg").unlink()
    return r"error: missing image: \S*train_0003\.jpg$"


def truncate_an_image(folder: Path) -> str:
    truncate(folder / "JPEGImages" / "val_0001.jpg")
    way_out = r"replace the file, take its id out of the lists, or set data\.on_bad_image: skip"
    return rf"error: damaged image: \S*val_0001\.jpg \(.+\); {way_out}$"


def name_an_unknown_class(folder: Path) -> str:
    table = folder / "image_labels.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{header},griffin", *(f"{row},0" for row in rows)]) + "\n")
    return r"error: \S*image_labels\.csv: unknown class 'griffin'; name it in data\.classes or data\.ignored_classes$"


def lose_the_folder(folder: Path) -> str:
    shutil.rmtree(folder)
    return rf"error: no dataset at {folder}: set locations\.dataset in the config to a folder in VOC layout$"


def own_folder(workplace: Workplace, dataset: Dataset, tmp_path: Path) -> tuple[Path, Path, str]:
    """A user's folder, a config of it, and where it is made ready."""
    folder = tmp_path / "own"
    shutil.copytree((dataset.root / "dataset").resolve(), folder)
    settings = FolderSettings(kind="folder", name="own", classes={name: i for i, name in enumerate(dataset.classes, 1)})
    values = {"data": settings.model_dump(), "locations": {"dataset": str(folder)}}
    return folder, workplace.write_config(values, without=("data",)), f"results/{STAGES['data'].folder(settings)}"


@pytest.mark.parametrize("damage", [lose_an_image, truncate_an_image, name_an_unknown_class, lose_the_folder])
def test_a_faulty_dataset_is_refused_before_any_training(
    workplace: Workplace, dataset: Dataset, tmp_path: Path, damage: Callable[[Path], str]
) -> None:
    folder, config, made = own_folder(workplace, dataset, tmp_path)
    line = damage(folder)
    refused = workplace.snakemake(f"{made}/images.tsv", config=config)
    assert_message(refused, line)
    # What lists and headers show is said before any job. What only decoding shows is in the job's log too.
    logs = [log.read_text() for log in workplace.work.glob("logs/data-own-*/images.log")]
    assert len(logs) == (damage is truncate_an_image)
    assert all(re.search(line, log, re.MULTILINE) for log in logs)
    assert {path.name for path in (workplace.work / made).glob("*")} <= {"dataset"}


def test_corrected_labels_are_noticed(workplace: Workplace, dataset: Dataset, tmp_path: Path) -> None:
    folder, config, made_in = own_folder(workplace, dataset, tmp_path)
    index = f"{made_in}/images.tsv"
    made = workplace.snakemake(index, config=config)
    assert made.code == 0, made.output
    assert not workplace.planned(index, config=config)
    table = folder / "image_labels.csv"
    before = table.read_text()
    table.write_text(before.replace(",1", ",0", 1))
    assert workplace.planned(index, config=config) == {"prepare_folder": 1}
    table.write_text(before)
    assert not workplace.planned(index, config=config)


def test_a_folder_in_the_place_of_a_runs_link_stops_nothing(copy_of_finished: Workplace) -> None:
    link = copy_of_finished.work / "results" / "runs" / "default"
    link.unlink()
    link.mkdir()
    (link / "notes.txt").write_text("somebody's")
    found = copy_of_finished.snakemake("-n")
    assert found.code == 0, found.output
    assert re.search(r"warning: \S*runs/default does not lead to \S+ \(.+\): move it away", found.output)
    assert [path.name for path in link.iterdir()] == ["notes.txt"]
    assert copy_of_finished.leftovers() == []


def test_an_unknown_key_is_refused_before_any_job(workplace: Workplace) -> None:
    config = workplace.write_config({"classifier": {"epoch": 3}})
    refused = workplace.snakemake(config=config)
    assert_message(refused, r"error: config: unknown key classifier\.epoch; allowed here: .*\bepochs\b")
    assert not (workplace.work / "results").exists()


def test_an_archive_of_another_sum_is_refused_and_kept(workplace: Workplace, tmp_path: Path) -> None:
    archive = tmp_path / "downloads" / "VOCtrainval_11-May-2012.tar"
    archive.parent.mkdir()
    archive.write_bytes(b"not what it should be")
    config = workplace.write_config(
        {"data": {"kind": "voc12"}, "locations": {"archives": str(archive.parent)}}, ("data",)
    )
    refused = workplace.snakemake(f"results/archives/{archive.name}", config=config)
    assert_message(refused, rf"error: {re.escape(str(archive))} has md5 \w+, expected \w+: delete or move it")
    assert archive.read_bytes() == b"not what it should be"
    assert list(workplace.work.glob("results/archives/*")) == []


def test_what_was_damaged_is_named_and_made_again_to_the_same_bytes(copy_of_finished: Workplace) -> None:
    """Bits have rotted in weights, a list and scores, and a store is cut off.

    A step names what it opens. A repair makes all of it again, and what was made from it before stays good.
    """
    place = copy_of_finished
    damaged = [place.only(pattern) for pattern in (STORE, SCORES, WEIGHTS, LIST)]
    lost = [place.only(pattern) for pattern in (CONFIDENT, METRICS)]
    sums = {path: sha256_of(path) for path in (*damaged, *lost)}
    truncate(damaged[0])
    for path in damaged[1:]:
        rot(path)
    for target, named in zip(lost, damaged, strict=False):
        target.unlink()
        refused = place.snakemake(target.relative_to(place.work))
        again = r"; `snakemake results/\S+ --force --configfile \S+ --snakefile \S+ --directory \S+` makes it again"
        assert_message(refused, rf"error: damaged \w+: {named.relative_to(place.work)} is not as it was made .*{again}")
        assert not target.exists()
    found = verify(place, TINY)
    assert found.code == 1
    for path in damaged:
        assert f"damaged: {path.relative_to(place.work)} (another SHA-256)" in found.output
    for path in lost:
        assert f"missing: {path.relative_to(place.work)}" in found.output
    # Snakemake has removed metrics.csv too, before the job that was refused.
    assert "4 damaged, 3 missing, 0 unlisted" in found.output
    repaired = verify(place, TINY, "--repair")
    assert repaired.code == 0, repaired.output
    assert "0 damaged, 0 missing, 0 unlisted" in repaired.output
    assert {path: sha256_of(path) for path in sums} == sums
    assert not place.planned()
    assert place.leftovers() == []


def rot(path: Path) -> None:
    """A bit flips in the middle of a file, and its times stay."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def verify(place: Workplace, *options: str | Path) -> Outcome:
    """Run `wsss verify` in the work folder."""
    return run(["-m", "wsss", "verify", *options], place.work, warm_python(), PYTHONPATH=str(place.project))


def assert_message(refused: Outcome, line: str) -> None:
    """The command failed, and said why in a line that stands alone, without a Python traceback."""
    assert refused.code != 0
    assert len(re.findall(line, refused.output, re.MULTILINE)) == 1, refused.output
    assert "Traceback" not in refused.output


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

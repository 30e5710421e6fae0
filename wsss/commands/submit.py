"""`wsss submit`: the archive for the evaluation server of PASCAL VOC 2012.

The server scores `results/VOC2012/Segmentation/comp6_test_cls/<id>.png`. comp6 is the competition for methods that were
trained with other data than VOC's own too, such as weights from ImageNet; comp5 is for VOC's data alone.

References
----------
Everingham and Winn: "The PASCAL Visual Object Classes Challenge 2012 (VOC2012) Development Kit", section 5.
"""

import gzip
import hashlib
import io
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from wsss.commands.output_file import write_output
from wsss.commands.run_files import Run, run_of
from wsss.data.dataset import Dataset
from wsss.data.images import opened
from wsss.data.sources.own_files import refuse
from wsss.data.sources.voc_layout import VOC12_LENGTHS
from wsss.errors import WsssError
from wsss.manifests.rows import ManifestRow, read_manifest
from wsss.progress import track
from wsss.settings.data import VOC_VALUES, Voc12Settings

FOLDER = "results/VOC2012/Segmentation/comp6_test_cls"
ENDINGS = (".tar", ".tar.gz", ".tgz")


def submit(named: str, out: Path, crf: bool) -> Iterator[str]:
    """Write the archive for the server, completely or not at all. Equal label images give equal bytes.

    Parameters
    ----------
    named : str
        The run: its folder, or its name below results/runs.
    out : Path
        The archive: .tar, .tar.gz or .tgz.
    crf : bool
        Whether the labels after the CRF are taken.

    Returns
    -------
    Iterator[str]
        Lines for the user.

    Raises
    ------
    WsssError
        If the run is not of VOC 2012, has no predictions of test, or one of its label images is none that the server
        takes.
    """
    if not out.name.endswith(ENDINGS):
        raise WsssError(f"{out}: the archive must end in {', '.join(ENDINGS)}")
    run = run_of(named)
    missing = _missing_classes(run)
    dataset = Dataset(run.path("data"))
    ids = _test_ids(dataset)
    labels = run.path("prediction_labels") / ("crf" if crf else "plain")
    rows = _listed(run, labels, ids)
    _write(out, _checked(dataset, labels, rows))
    yield f"written: {out}, with {len(ids)} label images of test {'after' if crf else 'without'} the CRF, in {FOLDER}"
    if missing:
        yield f"the run does not know {', '.join(missing)}: their IoU will be 0"


def _missing_classes(run: Run) -> list[str]:
    """Classes of VOC that the run leaves out. Raises WsssError if it is of another dataset."""
    data = run.settings("data")
    if not isinstance(data, Voc12Settings):
        raise WsssError(f"the run {run.folder} is of another dataset: the server scores PASCAL VOC 2012, kind: voc12")
    if data.lists.test is None:
        raise WsssError(
            f"the run {run.folder} has no test images: set data.lists.test to test in its config, and run snakemake"
        )
    return [name for name in VOC_VALUES if name not in data.classes]


def _test_ids(dataset: Dataset) -> list[str]:
    ids, count = dataset.ids("test"), VOC12_LENGTHS["test"]
    refuse(f"the list of test names {one} {times} times" for one, times in Counter(ids).items() if times > 1)
    refuse(f"{one.id} of the dataset was left out ({one.reason})" for one in dataset.skipped if len(ids) < count)
    if len(ids) != count:
        raise WsssError(f"the list of test has {len(ids)} images, and the server wants the {count} of VOC 2012's test")
    return sorted(ids)


def _listed(run: Run, labels: Path, ids: list[str]) -> list[ManifestRow]:
    """The rows of the label images of test. Raises WsssError that names what makes them if they are not there."""
    manifest = labels / "test.tsv"
    command = f"snakemake {run.written('prediction_labels')}/{labels.name}/test.tsv --configfile CONFIG"
    if not manifest.is_file():
        raise WsssError(f"no predictions of test yet: `{command}`, with the run's config, makes them")
    rows = {row.id: row for row in read_manifest(manifest)}
    if strange := sorted(rows.keys() ^ set(ids)):
        raise WsssError(
            f"{manifest} is of other images than the list of test ({strange[0]} and {len(strange) - 1} more): delete "
            f"it; `{command}` makes it again"
        )
    return [rows[one] for one in ids]


def _checked(dataset: Dataset, labels: Path, rows: list[ManifestRow]) -> dict[str, bytes]:
    """The files by image id. Raises WsssError if one of them is damaged or none that the server takes."""
    files, faults = {}, []
    for row in track(rows, len(rows), "checking label images"):
        path = labels / row.file
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != row.sha256:
            faults.append(f"{path} is missing or damaged: `wsss verify --repair` tells what makes it again")
        elif fault := _fault(path, dataset.index[row.id].full_size):
            faults.append(f"{path} {fault}")
        files[row.id] = content
    refuse(faults)
    return files


def _fault(path: Path, size: tuple[int, int]) -> str:
    """What the server would not take about a label image; empty if there is nothing."""
    with opened(path, "label image", "make it again") as image:
        mode, labels = image.mode, np.asarray(image)
    if mode != "P":
        return f"is an image of mode {mode}, and the server takes indexed ones (P)"
    if labels.shape != size:
        return f"has {labels.shape[0]}x{labels.shape[1]} pixels (h x w), and the photograph {size[0]}x{size[1]}"
    if labels.max() > max(VOC_VALUES.values()):
        return f"holds the value {labels.max()}, and the server takes 0..{max(VOC_VALUES.values())}"
    return ""


def _write(out: Path, files: Mapping[str, bytes]) -> None:
    """Write the archive. Its bytes depend on nothing but the files: times and owners are 0."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for image_id, content in files.items():
            entry = tarfile.TarInfo(f"{FOLDER}/{image_id}.png")
            entry.size, entry.mtime, entry.mode = len(content), 0, 0o644
            archive.addfile(entry, io.BytesIO(content))
    content = buffer.getvalue()
    write_output(out, content if out.suffix == ".tar" else gzip.compress(content, mtime=0))

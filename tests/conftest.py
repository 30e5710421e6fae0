"""Data that several tests share: a tiny embedded dataset, and photographs if they are beside the project."""

import os
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import pytest
import torch

from wsss.data.dataset import Dataset
from wsss.data.preparation import prepare
from wsss.data.sources.folder import list_folder
from wsss.data.sources.synthetic.scenes import CLASS_NAMES, generate
from wsss.runtime.device import keep_freed_memory
from wsss.settings.data import SyntheticSettings

PROJECT = Path(__file__).parents[1]
# Several processes share the cores. Threads that wait for each other give up their core, in processes that begin later.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)


def pytest_configure() -> None:
    """Reuse freed memory, as jobs do: the system then spends less time on clearing it.

    Not at import: new processes import this module, too, and benchmarks measure the memory of theirs.
    """
    keep_freed_memory()


def pytest_xdist_auto_num_workers() -> int:
    """A process more than there are cores: workflows under test wait for their jobs, and those of SLURM for longer."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each process gets its share of the whole workflows, file by file, and begins with them.

    pytest-xdist gives each process an equal part of the list. Short tests are then taken from whoever is behind.
    """
    processes = int(getattr(config, "workerinput", {"workercount": 1})["workercount"])
    rooms = [PROJECT / "tests" / room for room in ("cluster", "faults", "workflow")]
    long = [item for item in items if any(map(item.path.is_relative_to, rooms))]
    short = iter([item for item in items if item not in set(long)])
    files = list(dict.fromkeys(item.path for item in long))
    shares = [[item for item in long if files.index(item.path) % processes == number] for number in range(processes)]
    for number, share in enumerate(shares):
        size = (len(items) + number) // processes
        share.extend(islice(short, max(size - len(share), 0)))
    items[:] = [*chain(*shares), *short]


@pytest.fixture(scope="session", autouse=True)
def on_cpu() -> Iterator[None]:
    """Tests hold the CPU's results, to the last digits, against figures; those marked gpu are for a GPU's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsss.runtime.device.pick_device", lambda: torch.device("cpu"))
        yield


@pytest.fixture(autouse=True)
def on_gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests marked gpu use one, or skip them."""
    if request.node.get_closest_marker("gpu"):
        if not torch.cuda.is_available():
            pytest.skip("no GPU")
        monkeypatch.setattr("wsss.runtime.device.pick_device", lambda: torch.device("cuda"))


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A prepared dataset of 6 train and 3 val images (64 pixels at the long side) of 4 classes. To be read only."""
    folder = tmp_path_factory.mktemp("dataset")
    settings = SyntheticSettings(
        kind="synthetic", train_images=6, val_images=3, image_size=64, classes=4, max_objects=2
    )
    generate(settings, folder / "source")
    classes = {name: value for value, name in enumerate(CLASS_NAMES[:4], 1)}
    prepare(list_folder(folder / "source", classes, {}, settings.lists.by_split()), folder / "data")
    return Dataset(folder / "data")


@pytest.fixture(scope="session")
def photographs() -> Path:
    """The folder of voc-animals beside the project, in VOC layout."""
    folder = PROJECT.parent / "shared" / "voc-animals"
    if not (folder / "JPEGImages").is_dir():
        pytest.skip("no photographs beside the project")
    return folder

"""Mutated configs, lists, tables, annotations and prepared files: each is read, or refused in lines for people.

python -m tests.faults.mutations 10000
"""

import csv
import json
import random
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT
from wsss.data.dataset import SPLITS, Dataset
from wsss.data.preparation import prepare
from wsss.data.sources.coco import list_coco
from wsss.data.sources.folder import list_folder
from wsss.data.sources.own_images import list_images
from wsss.data.sources.synthetic.scenes import CLASS_NAMES, generate
from wsss.errors import WsssError
from wsss.manifests.single_files import list_file
from wsss.plan.plan import Plan
from wsss.preflight.check import check
from wsss.settings.coco import CocoSettings
from wsss.settings.config import read_config
from wsss.settings.config_file import content_of_config
from wsss.settings.data import SyntheticSettings
from wsss.settings.own_images import ImagesSettings

CLASSES = {name: value for value, name in enumerate(CLASS_NAMES[:3], 1)}
# Seconds after which an input hangs.
LONGEST = 30
# A message for people is not longer, whatever the input.
LONGEST_MESSAGE = 5000
ODD: tuple[bytes, ...] = (
    *(b"", b" ", b"\t", b"\n", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\x1b[31m", "é".encode(), "‮".encode()),
    *(
        b"-1",
        b"0",
        b"1e400",
        b"nan",
        b".inf",
        b"1e-9",
        b"true",
        b"null",
        b"~",
        b"2020-01-01",
        b"1:30",
        b"0x1f",
        b"9" * 40,
    ),
    *(b"../../x", b"/etc/passwd", b"a|b", b"a$x^{$b", b"NA", b"None", b"<script>", b"x" * 300, b"con", b"."),
    *(b"[", b"]", b"{", b"}", b": ", b"- ", b"&a ", b"*a", b"!!python/name:os.system ", b"# ", b'"', b"'", b",", b";"),
)


@dataclass(frozen=True)
class Place:
    """A folder with sound inputs of every kind, made once."""

    root: Path

    @property
    def voc(self) -> Path:
        """A folder in VOC layout."""
        return self.root / "voc"


def make_place(root: Path) -> Place:
    """Sound inputs: three train and two val images, in VOC layout, with COCO's annotations, and prepared."""
    settings = SyntheticSettings(
        kind="synthetic", train_images=3, val_images=2, image_size=64, classes=3, max_objects=1
    )
    place = Place(root)
    generate(settings, place.voc)
    listing = list_folder(place.voc, CLASSES, {}, settings.lists.by_split())
    prepare(listing, root / "prepared")
    with (place.voc / "image_labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    images = [
        {"id": number, "file_name": f"{row['image_id']}.jpg", "height": 64, "width": 64}
        for number, row in enumerate(rows, 1)
    ]
    boxes = [
        {"id": 10 * number + value, "image_id": number, "category_id": value, "bbox": [0, 0, 5, 5], "iscrowd": 0}
        for number, row in enumerate(rows, 1)
        for name, value in CLASSES.items()
        if row[name] == "1"
    ]
    categories = [{"id": value, "name": name} for name, value in CLASSES.items()]
    content = {"images": images, "annotations": boxes, "categories": categories}
    (place.voc / "instances.json").write_text(json.dumps(content, indent=1))
    return place


def read_config_text(place: Place, content: bytes) -> None:
    path = place.root / "mutated.yaml"
    path.write_bytes(content)
    config = read_config(content_of_config(path))
    if len(config.runs) + len(config.comparisons) < 20:
        Plan(config, PROJECT / "workflow_scripts").reports()
    check(config, made=[])


def read_list_of_folder(place: Place, content: bytes) -> None:
    _replaced(place.voc / "ImageSets" / "Segmentation" / "val.txt", content, lambda: _check_folder(place))


def read_table_of_folder(place: Place, content: bytes) -> None:
    _replaced(place.voc / "image_labels.csv", content, lambda: _check_folder(place))


def read_own_table(place: Place, content: bytes) -> None:
    settings = ImagesSettings(kind="images", name="own", labels="own.csv", holdout=0.2)
    _replaced(place.voc / "JPEGImages" / "own.csv", content, lambda: list_images(settings, place.voc / "JPEGImages"))


def read_own_list(place: Place, content: bytes) -> None:
    settings = ImagesSettings.model_validate(
        {"kind": "images", "name": "own", "labels": "all.csv", "lists": {"val": "own.txt"}}
    )
    folder = place.voc / "JPEGImages"
    (folder / "all.csv").write_bytes((place.voc / "image_labels.csv").read_bytes())
    _replaced(folder / "own.txt", content, lambda: list_images(settings, folder))


def read_annotations(place: Place, content: bytes) -> None:
    settings = CocoSettings(
        kind="coco", name="own", train="instances.json", train_images="JPEGImages", holdout=0.3, masks=False
    )
    _replaced(place.voc / "instances.json", content, lambda: list_coco(settings, place.voc, Path()))


def read_prepared(name: str) -> Callable[[Place, bytes], None]:
    def read(place: Place, content: bytes) -> None:
        path = place.root / "prepared" / name

        def use() -> None:
            # Otherwise the sum alone would tell of the mutation.
            list_file(path)
            _use(Dataset(place.root / "prepared"))

        try:
            _replaced(path, content, use)
        finally:
            list_file(path)

    return read


def _check_folder(place: Place) -> None:
    base = {"backbone": {"name": "resnet18", "weights": "scratch"}}
    data = {"kind": "folder", "name": "own", "classes": CLASSES}
    values: dict[str, Any] = {"data": data, "segmentation": {**base, "batch": 1, "accumulate": 1}}
    values |= {stage: {**base, "batch": 1} for stage in ("classifier", "irnet")}
    found = check(read_config(values | {"locations": {"dataset": str(place.voc)}}))
    if found.errors:
        raise WsssError("\n".join(found.errors))


def _use(dataset: Dataset) -> None:
    for split in SPLITS:
        for image_id in dataset.ids(split):
            dataset.image_path(image_id)
            if split != "test":
                dataset.present(image_id)
    assert dataset.values.legend()


def _replaced(path: Path, content: bytes, work: Callable[[], object]) -> None:
    before = path.read_bytes() if path.is_file() else None
    path.write_bytes(content)
    try:
        work()
    finally:
        path.unlink() if before is None else path.write_bytes(before)


READERS: dict[str, Callable[[Place, bytes], None]] = {
    "config": read_config_text,
    "list": read_list_of_folder,
    "table": read_table_of_folder,
    "own table": read_own_table,
    "own list": read_own_list,
    "annotations": read_annotations,
    "images.tsv": read_prepared("images.tsv"),
    "image_labels.csv": read_prepared("image_labels.csv"),
    "dataset.json": read_prepared("dataset.json"),
    "lists": read_prepared("lists/train.txt"),
}


def sound(place: Place, kind: str, chance: random.Random) -> bytes:
    """A sound input of a kind."""
    if kind == "config":
        tiny = PROJECT / "tests" / "workflow" / "tiny.yaml"
        return chance.choice(
            [PROJECT / "config.yaml", tiny, *sorted((PROJECT / "configs").glob("*.yaml"))]
        ).read_bytes()
    file = {
        "list": place.voc / "ImageSets" / "Segmentation" / "val.txt",
        "own list": place.voc / "ImageSets" / "Segmentation" / "val.txt",
        "table": place.voc / "image_labels.csv",
        "own table": place.voc / "image_labels.csv",
        "annotations": place.voc / "instances.json",
        "lists": place.root / "prepared" / "lists" / "train.txt",
    }.get(kind, place.root / "prepared" / kind)
    return file.read_bytes()


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Some changes of a text: of a byte, of a word, of a line, of its end, or of its encoding."""
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        content = chance.choice(CHANGES)(content, chance)
    return content


def _byte(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]


def _word(content: bytes, chance: random.Random) -> bytes:
    """Another word in place of one, blanks and signs between words being kept."""
    starts = [at for at in range(len(content)) if _is_word(content, at) and not _is_word(content, at - 1)]
    if not starts:
        return content
    start = chance.choice(starts)
    end = next((at for at in range(start, len(content)) if not _is_word(content, at)), len(content))
    return content[:start] + chance.choice(ODD) + content[end:]


def _is_word(content: bytes, at: int) -> bool:
    return 0 <= at < len(content) and (content[at : at + 1].isalnum() or content[at : at + 1] in (b"_", b".", b"-"))


def _inserted(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    return content[:at] + chance.choice(ODD) + content[at:]


def _line(content: bytes, chance: random.Random) -> bytes:
    """A line taken out, doubled or moved."""
    lines = content.split(b"\n")
    line = lines.pop(chance.randrange(len(lines)))
    for _ in range(chance.randrange(3)):
        lines.insert(chance.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _recoded(content: bytes, chance: random.Random) -> bytes:
    text = content.decode(errors="replace")
    return chance.choice(
        [
            text.encode("utf-16"),
            text.replace("\n", "\r\n").encode(),
            text.replace("\n", "\r").encode(),
            text.replace(",", ";").encode(),
            text.replace(",", "\t").encode(),
            ("é" + text).encode("latin-1", errors="replace"),
        ]
    )


CHANGES = (_byte, _word, _word, _word, _inserted, _line, _cut, _recoded)


def outcome(place: Place, kind: str, content: bytes) -> str:
    """What becomes of an input: `read`, `refused`, `traceback`, `hang`, or `no message for people`."""
    try:
        with bounded():
            READERS[kind](place, content)
    except WsssError as error:
        text = str(error)
        fit = text and all(line.isprintable() for line in text.splitlines()) and len(text) <= LONGEST_MESSAGE
        return "refused" if fit else f"no message for people: {text!r}"
    except HangError:
        return "hang"
    except Exception:
        return f"traceback: {traceback.format_exc()}"
    return "read"


class HangError(BaseException):
    """What reads an input has not ended in time."""


@contextmanager
def bounded() -> Iterator[None]:
    """Raise HangError after `LONGEST` seconds."""

    def stop(number: int, frame: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def campaign(place: Place, count: int, seed: int) -> Iterator[tuple[str, str, bytes]]:
    """Kind, outcome and input of `count` mutations, kind after kind."""
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        kind = [*READERS][number % len(READERS)]
        content = mutated(sound(place, kind, chance), chance)
        yield kind, outcome(place, kind, content), content

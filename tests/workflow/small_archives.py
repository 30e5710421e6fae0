"""Small archives that a copy of the project takes for the official ones."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from tests.data.archives import MADE, archives_of, folder_of
from tests.workflow.conftest import Workplace
from wsss.data.sources.download import Archive
from wsss.data.sources.voc12 import SBD_ARCHIVE, VOC_ARCHIVE
from wsss.data.sources.voc_layout import VOC12_LENGTHS


def small_voc12(place: Workplace, folder: Path) -> Path:
    """Archives of VOC 2012 and SBD, beside the same images in `folder`. Returns their folder."""
    archives_of(folder_of(folder / "folder"), MADE, folder / "archives")
    take_for_official(place, "voc12.py", [VOC_ARCHIVE, SBD_ARCHIVE], folder / "archives")
    length = rf'"train_aug": {VOC12_LENGTHS["train_aug"]:_}'
    edit(place, "voc_layout.py", length, f'"train_aug": {len(MADE) - 1}')
    return folder / "archives"


def take_for_official(place: Workplace, module: str, archives: Sequence[Archive], folder: Path) -> None:
    """Let the module of a dataset in a copy of the project expect the archives of these names in `folder`."""
    for archive in archives:
        edit(place, module, archive.md5, hashlib.md5((folder / archive.name).read_bytes()).hexdigest())


def edit(place: Workplace, module: str, pattern: str, text: str) -> None:
    """Replace what fits a regular expression in the module of a dataset."""
    code = place.project / "wsss" / "data" / "sources" / module
    changed, count = re.subn(pattern, text, code.read_text())
    assert count == 1, (module, pattern)
    code.write_text(changed)

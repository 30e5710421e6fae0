"""What is opened through a manifest is what was listed; and every manifest knows what it must hold."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from wsss.errors import WsssError
from wsss.files import write_text
from wsss.manifests import checking
from wsss.manifests.listed_files import ListedFiles
from wsss.manifests.making_again import OPTIONS, command, options_of
from wsss.manifests.rows import join_manifests, read_manifest, write_manifest
from wsss.manifests.single_files import check_file, content_of, list_file, sum_file

CONTENT = {"a": "first", "b": "other", "c": "x"}


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """The folder of a stage with three files in two shards, and their joined manifest."""
    folder = tmp_path / "cams-123456"
    for image_id, text in CONTENT.items():
        write_text(folder / "stores" / f"{image_id}.txt", text)
    shards = []
    for number, ids in enumerate(("ca", "b")):
        shards.append(folder / "shards" / "train" / f"{number}-of-2.tsv")
        write_manifest(shards[-1], folder, [(one, f"stores/{one}.txt") for one in ids])
    join_manifests(shards, folder / "train.tsv")
    return folder


@pytest.fixture(autouse=True)
def workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a job of a workflow, which knows its command."""
    monkeypatch.setenv(OPTIONS, "--configfile c.yaml")


def rot(path: Path, place: int = 0) -> None:
    """A bit flips, and the times stay."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_joined_manifest_does_not_depend_on_the_shards(stage: Path) -> None:
    assert [row.id for row in read_manifest(stage / "train.tsv")] == ["a", "b", "c"]
    one = stage / "shards" / "train" / "0-of-1.tsv"
    write_manifest(one, stage, [(image_id, f"stores/{image_id}.txt") for image_id in "bca"])
    join_manifests([one], stage / "other.tsv")
    assert (stage / "other.tsv").read_bytes() == (stage / "train.tsv").read_bytes()


def test_an_image_in_two_shards_is_refused(stage: Path) -> None:
    shard = stage / "shards" / "train" / "0-of-2.tsv"
    with pytest.raises(WsssError, match=r"two shards list a; `snakemake .*0-of-2.tsv .*--force --configfile c.yaml`"):
        join_manifests([shard, shard], stage / "train.tsv")


@pytest.mark.parametrize("manifest", ["train.tsv", "shards/train/0-of-2.tsv"])
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.write_text("othex"), "damaged store: .*stores/a.txt is not as it was made"),
        (lambda path: path.write_text("first and more"), "damaged store: .*stores/a.txt is not as it was made"),
        (lambda path: path.write_bytes((path.parent / "b.txt").read_bytes()), "damaged store: .*stores/a.txt"),
        (lambda path: path.unlink(), "missing store: .*stores/a.txt"),
        (rot, "damaged store: .*stores/a.txt"),
    ],
)
def test_a_changed_file_is_named_with_its_own_shard(
    stage: Path, manifest: str, damage: Callable[[Path], None], told: str
) -> None:
    damage(stage / "stores" / "a.txt")
    command = f"`snakemake {stage}/shards/train/0-of-2.tsv --force --configfile c.yaml` makes it again"
    with pytest.raises(WsssError, match=f"^{told}.*; {re.escape(command)}$"):
        ListedFiles(stage / manifest).content("a", "store")
    assert ListedFiles(stage / manifest).content("c", "store") == b"x"


def test_an_image_that_is_not_listed_is_named(stage: Path) -> None:
    with pytest.raises(WsssError, match=r"train\.tsv does not list d; `snakemake .*train\.tsv --force"):
        ListedFiles(stage / "train.tsv").path("d")


def test_a_manifest_knows_what_it_must_hold(stage: Path) -> None:
    """Without a row, with rows in another order, with any byte flipped, or cut off anywhere, it is refused."""
    manifest = stage / "train.tsv"
    whole = manifest.read_bytes()
    header, first, second, *end = whole.splitlines(True)
    changed = [b"".join([header, second, first, *end]), b"".join([header, first, *end]), b"".join([header, *end])]
    changed += [whole[:size] for size in range(len(whole))] + [whole + b"\n", whole + first]
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        changed.append(bytes(flipped))
    for content in changed:
        manifest.write_bytes(content)
        with pytest.raises(WsssError, match=rf"^{manifest} is .*; `snakemake {manifest} --force"):
            read_manifest(manifest)
    manifest.write_bytes(whole)
    assert len(read_manifest(manifest)) == 3


def test_a_file_is_summed_once_in_a_process(stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And again when its time has changed."""
    listed, path = ListedFiles(stage / "train.tsv"), stage / "stores" / "a.txt"
    assert listed.rows.keys() == CONTENT.keys()
    summed: list[bytes] = []
    plain = checking.hashlib.sha256
    monkeypatch.setattr(checking.hashlib, "sha256", lambda content: summed.append(content) or plain(content))
    assert [listed.content("a", "store") for _ in range(3)] == [b"first"] * 3
    assert summed == [b"first"]
    os.utime(path, ns=(1, 1))
    assert listed.content("a", "store") == b"first"
    assert summed == [b"first"] * 2


def test_single_files_have_a_manifest_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    write_text(path, "[1, 2]")
    with pytest.raises(WsssError, match=r"scores\.json cannot be checked, as .*\.sums/scores\.json\.tsv is missing"):
        check_file(path)
    list_file(path)
    assert content_of(path) == b"[1, 2]"
    rot(path)
    checking._CHECKED.clear()
    for read in (check_file, content_of):
        with pytest.raises(WsssError, match=rf"^damaged file: {path} .*; `snakemake {path} --force --con"):
            read(path)
    path.unlink()
    with pytest.raises(WsssError, match=f"^missing file: {path}; "):
        check_file(path)
    rot(sum_file(path), 30)
    with pytest.raises(WsssError, match=f"^missing file: {path}; "):
        content_of(path)


def test_the_command_can_be_pasted_anywhere(tmp_path: Path) -> None:
    """In the project's own folder it is short. Elsewhere it says where everything is."""
    project, work = tmp_path / "a project", tmp_path / "work"
    own = options_of([Path("config.yaml"), project / "configs" / "x.yaml"], project / "Snakefile", project)
    assert own == "--configfile config.yaml configs/x.yaml"
    other = options_of([Path("c.yaml")], project / "Snakefile", work)
    assert command([Path("results/a b.tsv")], other) == (
        f"snakemake 'results/a b.tsv' --force --configfile {Path('c.yaml').resolve()} "
        f"--snakefile '{project}/Snakefile' --directory {work}"
    )

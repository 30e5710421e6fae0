"""A workflow on a disk, or with shared memory, that is too small. Afterwards, it must make what is missing.

The disk is in memory and seen by the commands alone. Its size or its number of files is just too small, or just enough.
"""

import random
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults.kills import artifacts, differing, faults_of
from tests.workflow.conftest import Outcome, Workplace, environment

KB, MB = 2**10, 2**20
# What ends later hangs.
LONGEST = 400
# What is needed besides the files that are made: logs, and what is written beside a file before it has its name.
SPARE_BYTES, SPARE_FILES = 2 * MB, 50
# What a disk has that is large enough.
LARGE = "size=4g,nr_inodes=1000000"
TOLD = re.compile(r"^error(?: in \w+)?: (?P<text>.+)$", re.MULTILINE)
OF_DISKS = re.compile(r"space left|inodes|free some space")
OF_SHARED_MEMORY = re.compile(r"/dev/shm.*(--shm-size|--set-threads)")


def on_small_disk(place: Workplace, undisturbed: Workplace, command: Sequence[str], rng: random.Random) -> str:
    """Run a command on a disk that has about what it needs, then again on a large one. What was wrong, or empty.

    `place` is a copy of `undisturbed` in which something was taken out.
    """
    options = _small(place.work, undisturbed.work, rng)
    place.work.rename(place.root / "full")
    place.work.mkdir()
    work, runs = shlex.quote(str(place.work)), _in_time(command)
    _with_mounts(
        f"mount -t tmpfs -o {options} none {work}; cd {shlex.quote(str(place.root))}; cp -a full/. work",
        f"code=0; {runs} > first.txt 2>&1 || code=$?; echo $code > first.code; mkdir first; cp -a work first",
        f"mount -o remount,{LARGE} {work}",
        f"code=0; {runs} > output.txt 2>&1 || code=$?; echo $code > second.code; mkdir end; cp -a work end",
    )
    first = Outcome(int((place.root / "first.code").read_text()), (place.root / "first.txt").read_text())
    faults = [*wrong_end(first, OF_DISKS), *_other_than(place.root / "first" / "work", undisturbed)]
    end = Workplace(place.root / "end")
    code = int((place.root / "second.code").read_text())
    faults += [f"the second command ends with {code}"] if code else []
    faults += [f"{name} differs" for name in differing(end.work, undisturbed.work)[:1]]
    faults += [f"{path.name} is left" for path in end.leftovers()[:1]]
    return f"{options}: {', '.join(faults)}" if faults else ""


def with_small_shared_memory(
    place: Workplace, undisturbed: Workplace, command: Sequence[str], rng: random.Random
) -> str:
    """Run a command with little shared memory. What was wrong, or empty."""
    size = round(64 * KB * 256 ** rng.random())
    _with_mounts(
        f"mount -t tmpfs -o size={size} none /dev/shm; cd {shlex.quote(str(place.root))}",
        f"code=0; {_in_time(command)} > output.txt 2>&1 || code=$?; echo $code > first.code",
    )
    done = Outcome(int((place.root / "first.code").read_text()), place.output.read_text())
    # Only the training is asked for, so what was made from it stays away.
    faults = [*wrong_end(done, OF_SHARED_MEMORY), *_other_than(place.work, undisturbed)]
    return f"{size // KB} kB: {', '.join(faults)}" if faults else ""


def _small(work: Path, wanted: Path, rng: random.Random) -> str:
    """Options of a disk that has room for what is there, and for some of what will be made, or a little more."""
    share = rng.uniform(0, 1.2)
    if rng.random() < 0.5:
        there, needed = _bytes(work), max(_bytes(wanted) - _bytes(work), 0) + SPARE_BYTES
        return f"size={round(there + share * needed)},nr_inodes=1000000"
    there, needed = _files(work), max(_files(wanted) - _files(work), 0) + SPARE_FILES
    return f"size=4g,nr_inodes={round(there + share * needed) + 1}"


def _bytes(folder: Path) -> int:
    """The bytes that the files of a folder take in memory, in whole pages."""
    return sum(-(-path.lstat().st_size // 4096) * 4096 for path in folder.rglob("*") if not path.is_dir())


def _files(folder: Path) -> int:
    return sum(1 for _ in folder.rglob("*"))


def _in_time(command: Sequence[str]) -> str:
    """A command of snakemake for a shell, which is ended if it hangs."""
    return shlex.join(["timeout", "--kill-after=30", str(LONGEST), sys.executable, "-m", "snakemake", *command])


def _with_mounts(*steps: str) -> None:
    subprocess.run(["unshare", "--mount", "sh", "-c", f"set -e; {'; '.join(steps)}"], env=environment(), check=True)


def wrong_end(done: Outcome, fitting: re.Pattern[str]) -> list[str]:
    """What is wrong with the end of a command: it ends well, or says what it has too little of."""
    if done.code in (124, 137):
        return ["hangs"]
    faults = faults_of(done.output)
    if done.code:
        told = [match["text"] for match in TOLD.finditer(done.output)]
        others = [text for text in told if not fitting.search(text)]
        faults += [f"says: {others[0][:200]}"] if others else [] if told else ["fails without a line"]
    return faults


def _other_than(first: Path, undisturbed: Workplace) -> Iterator[str]:
    """Files with their final name that are not what they must be."""
    wanted = artifacts(undisturbed.work)
    for name, digest in artifacts(first).items():
        if not name.endswith(".tmp") and not name.startswith("results/runs/") and wanted.get(name) != digest:
            yield f"{name} has other bytes"
            return

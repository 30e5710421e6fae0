"""The long campaign: `make faults`. It damages and kills for as long as asked, and writes what came of it to the docs.

A kind of fault is a function in `KINDS`: it takes how many cases, a seed and an empty folder, and yields cases.
"""

import argparse
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.flips import flips as flipped_bytes
from tests.faults.hostile_files import hostile_files as opened_files
from tests.faults.hostile_files import make_room
from tests.faults.kills import Kill, Storm, differing
from tests.faults.mutations import campaign as mutated_inputs
from tests.faults.mutations import make_place
from tests.faults.small_disks import on_small_disk, with_small_shared_memory
from tests.workflow.conftest import PROJECT, Outcome, Workplace, new_workplace
from tests.workflow.mounts import why_no_mounts

PAGE = PROJECT / "docs" / "reliability.md"
# Loader processes run from four cores on.
CORES = 4
KILLS_IN_A_STORM = 12
# Trainings of ten seconds and more, and what they leave.
LONGER = {"classifier": {"epochs": 30}, "irnet": {"epochs": 30}, "segmentation": {"steps": 60}}
WEIGHTS = tuple(f"results/**/{name}.safetensors" for name in ("classifier", "edges", "segmenter"))
# The name of a folder of a stage.
STAGE = re.compile(r"[a-z_]+-[\w-]+-?[0-9a-f]{6}")


# Takes something out of a workflow, and returns the command that makes it again.
TakeOut = Callable[[Workplace, random.Random], list[str]]
# Runs such a command where something is too small, and returns what was wrong.
TooSmall = Callable[[Workplace, Workplace, list[str], random.Random], str]


@dataclass(frozen=True)
class Case:
    """What was done, and what came of it: empty if it is as it should be."""

    what: str
    outcome: str


def kills(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """Take something out of a finished workflow, kill what makes it again, and compare the end with what was there."""

    yield from _storms(count, seed, folder, _undisturbed(folder), _without_stage)


def training_kills(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """The same for a training alone, which lasts long enough that its loader processes are hit."""
    longer = folder / "longer"
    yield from _storms(count, seed, longer, _undisturbed(longer, LONGER), _without_training)


def small_disks(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """Take something out of a finished workflow, and make it again on a disk that is too small, then on a large one."""
    yield from _too_small(count, seed, folder, _undisturbed(folder), _without_stage, on_small_disk)


def small_shared_memory(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """Take a training out, and make it again with loader processes and little shared memory."""
    longer = folder / "longer"
    yield from _too_small(
        count, seed, longer, _undisturbed(longer, LONGER), _without_training, with_small_shared_memory
    )


def _without_stage(place: Workplace, rng: random.Random) -> list[str]:
    """Take the folder of a stage out. Returns the command that makes it again."""
    stages = (path for path in place.work.glob("results/data-*/**") if STAGE.fullmatch(path.name))
    shutil.rmtree(rng.choice(sorted(stages)))
    return _command(place)


def _without_training(place: Workplace, rng: random.Random) -> list[str]:
    """Take a training out. Returns the command that makes it again."""
    weights = place.only(rng.choice(WEIGHTS))
    shutil.rmtree(weights.parent)
    return _command(place, weights.relative_to(place.work))


def _too_small(
    count: int, seed: int, folder: Path, undisturbed: Workplace, take_out: TakeOut, run: TooSmall
) -> Iterator[Case]:
    """So many cases of something that is too small, each in a new copy of a workflow. None where nothing is mounted."""
    if why := why_no_mounts():
        print(f"no disks can be mounted here: {why}")
        return
    what = run.__name__.replace("_", " ")
    for number in range(count):
        rng, place = random.Random(f"{seed} {number}"), _copy(undisturbed, folder / "small")
        command = take_out(place, rng)
        # Without the pages of the run, all that they show is made again.
        shutil.rmtree(place.work / "results" / "runs")
        yield Case(what, run(place, undisturbed, command, rng))


def _storms(
    count: int,
    seed: int,
    folder: Path,
    undisturbed: Workplace,
    take_out: TakeOut,
) -> Iterator[Case]:
    """So many kills of the command that `take_out` returns after it has taken something out of a copy of a workflow."""
    rng = random.Random(seed)
    while count > 0:
        place = _copy(undisturbed, folder / "storm")
        command = take_out(place, rng)
        # Without the pages of the run, all that they show is made again.
        shutil.rmtree(place.work / "results" / "runs")
        found = [_case(kill) for kill in Storm(place, command, rng).kills(min(count, KILLS_IN_A_STORM))]
        count -= len(found) or 1
        yield from found
        yield from _ends_well(place, undisturbed)


def flips(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """Flip a byte anywhere in a finished workflow, and open the file as the steps do."""
    for flip in flipped_bytes(_undisturbed(folder).work, count, seed):
        yield Case(f"a byte flipped: {flip.kind}", flip.outcome)


def mutations(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """Change configs, lists and tables at random, and read them."""
    (folder / "inputs").mkdir(parents=True, exist_ok=True)
    for kind, outcome, _ in mutated_inputs(make_place(folder / "inputs"), count, seed):
        yield Case(f"a mutated input: {kind}", "" if outcome in ("read", "refused") else outcome)


def hostile_files(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """Put bad and hostile files in the place of sound ones, and open them as the workflow and the commands do."""
    with tempfile.TemporaryDirectory() as room:
        for kind, _, outcome in opened_files(make_room(Path(room) / "room"), count, seed):
            yield Case(f"a bad or hostile file: {kind}", "" if outcome in ("read", "refused") else outcome)


def _undisturbed(folder: Path, changes: Mapping[str, Any] | None = None) -> Workplace:
    """A finished workflow, which is made once in a folder. To be read only, or put back as it was."""
    place = Workplace(folder / "undisturbed")
    if not place.root.exists():
        new_workplace(place.root).write_config(changes or {})
        done = _finish(place)
        assert done.code == 0, done.output
    return place


def _copy(place: Workplace, root: Path) -> Workplace:
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(place.root, root, symlinks=True)
    return Workplace(root)


def _command(place: Workplace, *targets: Path) -> list[str]:
    return place.command(*targets, config=place.root / "config-0.yaml", cores=CORES, threads=CORES)


def _finish(place: Workplace) -> Outcome:
    return Storm(place, _command(place), random.Random()).finish()


def _ends_well(place: Workplace, undisturbed: Workplace) -> Iterator[Case]:
    done = _finish(place)
    code = f"ends with {done.code}: {done.output[-2000:]}" if done.code else ""
    yield Case("after a storm: one plain command ends well", code)
    wrong = differing(place.work, undisturbed.work)
    yield Case(
        "after a storm: all files have the bytes of an undisturbed run",
        f"{len(wrong)} differ, such as {wrong[0]}" if wrong else "",
    )
    yield Case("after a storm: no temporary file is left", ", ".join(map(str, place.leftovers())))


KINDS: dict[str, Callable[[int, int, Path], Iterator[Case]]] = {
    "kills": kills,
    "training_kills": training_kills,
    "flips": flips,
    "mutations": mutations,
    "hostile_files": hostile_files,
    "small_disks": small_disks,
    "small_shared_memory": small_shared_memory,
}


def _case(kill: Kill) -> Case:
    return Case(f"{kill.number.name} to {kill.victim}", ", ".join(kill.faults))


def table(cases: list[Case]) -> str:
    """A line for each thing that was done: how often, how often it went wrong, and how."""
    lines = ["| what was done | cases | wrong | how |", "|---|---|---|---|"]
    for what in sorted({case.what for case in cases}):
        outcomes = [case.outcome for case in cases if case.what == what]
        wrong = Counter(outcome for outcome in outcomes if outcome)
        how = "; ".join(f"{count} times {outcome.splitlines()[0]}" for outcome, count in wrong.most_common(3))
        lines.append(f"| {what} | {len(outcomes)} | {wrong.total()} | {how or '-'} |")
    return "\n".join(lines)


def with_table(page: str, kind: str, text: str) -> str:
    """A page with a table in the place of the old one of this kind, between its two marks."""
    start, end = f"<!-- {kind}: begin -->\n", f"<!-- {kind}: end -->"
    before, _, rest = page.partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}{text}\n{end}{after}"


def main() -> None:
    """Run the kinds that are asked for, print and write their counts, and fail if a case went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    for kind in KINDS:
        parser.add_argument(f"--{kind.replace('_', '-')}", type=int, default=0, help="the number of cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where it runs, and keeps the undisturbed run for the next time")
    asked = vars(parser.parse_args())
    wrong = 0
    for kind, run in KINDS.items():
        if not asked[kind]:
            continue
        began, cases = time.monotonic(), []
        with tempfile.TemporaryDirectory() as folder:
            for case in run(asked[kind], asked["seed"], asked["folder"] or Path(folder)):
                cases.append(case)
                print(f"{time.monotonic() - began:7.0f} s  {case.what}: {case.outcome or 'right'}", flush=True)
        if not cases:
            continue
        wrong += sum(bool(case.outcome) for case in cases)
        print(table(cases))
        PAGE.write_text(with_table(PAGE.read_text(), kind, table(cases)))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

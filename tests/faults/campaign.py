"""The long campaign: `make faults`. It damages and kills for as long as asked, and writes what came of it to the docs.

A kind of fault is a function in `KINDS`: it takes how many cases, a seed and an empty folder, and yields cases.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from tests.faults.flips import flips as flipped_bytes
from tests.faults.hostile_files import hostile_files as opened_files
from tests.faults.hostile_files import make_room
from tests.faults.kills import Kill, Storm, differing
from tests.faults.mutations import campaign as mutated_inputs
from tests.faults.mutations import make_place
from tests.faults.small_disks import on_small_disk, with_small_shared_memory
from tests.faults.workflows import SCRIPTS, STAGE, Workflow, jobs_told_in, workflows
from tests.workflow.conftest import PROJECT, Workplace, new_workplace
from tests.workflow.mounts import why_no_mounts

PAGE = PROJECT / "docs" / "reliability.md"
# Loader processes run from four cores on.
CORES = 4
KILLS_IN_A_STORM = 12
# The longest time in seconds to a kill.
LONGEST = 10.0
SECONDS_OF_A_JOB = 2.5
# Trainings of ten seconds and more, and what they leave.
LONGER = {"classifier": {"epochs": 30}, "irnet": {"epochs": 30}, "segmentation": {"steps": 60}}
WEIGHTS = tuple(f"results/**/{name}.safetensors" for name in ("classifier", "edges", "segmenter"))
# The command to disturb, and the one that makes all that is missing.
Commands = tuple[list[str], list[str]]
# Takes something out of a copy of a finished workflow.
TakeOut = Callable[[Workplace, random.Random], Commands]
# Runs a command where something is too small, and returns what was wrong.
TooSmall = Callable[[Workplace, Workplace, list[str], random.Random], str]


@dataclass(frozen=True)
class Case:
    """What was done, and what came of it: empty if it is as it should be."""

    what: str
    outcome: str


def kills(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """Take something out of finished workflows, kill what makes it again, and compare the end with what was there.

    Each workflow begins with nothing once. Then one is drawn by its number of stages. It begins with nothing, or
    without one of its stages.
    """
    undisturbed, found = _with_every_rule(folder)
    new, hit = iter(found), set[str]()

    def take_out(place: Workplace, rng: random.Random) -> Commands:
        workflow = next(new, None)
        if workflow:
            taken = workflow.all_that_it_makes(place)
        else:
            workflow = rng.choices(found, [1 + len(one.stages(place)) for one in found])[0]
            taken = rng.choice([workflow.all_that_it_makes(place), *([stage] for stage in workflow.stages(place))])
        for path in {*taken, *workflow.last(place)}:
            _remove(path)
        command = _command_of(place, workflow)
        return command, command

    yield from _storms(count, seed, folder, undisturbed, take_out, hit)


def rule_kills(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """Take out what one job has made, of each rule in turn, and send a signal while that job alone runs."""
    undisturbed, found = _with_every_rule(folder)
    rng = random.Random(seed)
    for number in range(count):
        rule = sorted(SCRIPTS)[number % len(SCRIPTS)]
        workflow, job = rng.choice([(one, job) for one in found for job in one.jobs if job.rule == rule])
        place, kill, longest = Workplace(folder / "storm"), None, SECONDS_OF_A_JOB
        # A signal may come before the job or after it. Some jobs are over in a moment.
        while kill is None or rule not in kill.rules:
            _copy(undisturbed, place.root)
            for file in job.outputs:
                (place.work / file).unlink()
            command = _command(place, job.outputs[0], config=workflow.config)
            kill = next(Storm(place, command, rng, longest=longest).kills(1), None)
            longest *= 0.7
        yield Case(f"{kill.number.name} while {rule} runs", ", ".join(kill.faults))
        yield from _ends_well(place, command, undisturbed)


def training_kills(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """The same for a training alone, which lasts long enough that its loader processes are hit."""
    longer = folder / "longer"
    yield from _storms(count, seed, longer, _undisturbed(longer, LONGER), _without_training, set())


def small_disks(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """Take something out of a finished workflow, and make it again on a disk that is too small, then on a large one."""
    yield from _too_small(count, seed, folder, _undisturbed(folder), _without_stage, on_small_disk)


def small_shared_memory(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """Take a training out, and make it again with loader processes and little shared memory."""
    longer = folder / "longer"
    yield from _too_small(
        count, seed, longer, _undisturbed(longer, LONGER), _without_training, with_small_shared_memory
    )


def _without_stage(place: Workplace, rng: random.Random) -> Commands:
    """Take out the folder of a stage of the miniature, and the pages, so that all they show is made again."""
    stages = (path for path in place.work.glob("results/data-*/**") if STAGE.fullmatch(path.name))
    _remove(rng.choice(sorted(stages)))
    _remove(place.work / "results" / "runs")
    return _command(place), _command(place)


def _without_training(place: Workplace, rng: random.Random) -> Commands:
    """Take out a training of the miniature, and the pages."""
    weights = place.only(rng.choice(WEIGHTS))
    _remove(weights.parent)
    _remove(place.work / "results" / "runs")
    return _command(place, weights.relative_to(place.work)), _command(place)


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
        command, _ = take_out(place, rng)
        yield Case(what, run(place, undisturbed, command, rng))


def _storms(
    count: int, seed: int, folder: Path, undisturbed: Workplace, take_out: TakeOut, hit: set[str]
) -> Iterator[Case]:
    """So many kills of the first command that `take_out` returns after it has taken something out of a copy."""
    rng = random.Random(seed)
    while count > 0:
        place = _copy(undisturbed, folder / "storm")
        killed, whole = take_out(place, rng)
        for kill in Storm(place, killed, rng, longest=LONGEST, hit=hit).kills(min(count, KILLS_IN_A_STORM)):
            count -= 1
            yield from _cases(kill)
        yield from _ends_well(place, whole, undisturbed)


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
    """A finished miniature, which is made once in a folder. To be read only, or put back as it was."""
    place = Workplace(folder / "undisturbed")
    if not place.root.exists():
        new_workplace(place.root).write_config(changes or {})
        _finish(place, _command(place))
    return place


@cache
def _with_every_rule(folder: Path) -> tuple[Workplace, list[Workflow]]:
    """A workplace where all workflows of the campaign have run to their ends. It is made once, and to be read only."""
    place, found = _copy(_undisturbed(folder), folder / "every"), []
    # The miniature has run already, and the first workflow has the rest of its rules.
    jobs = jobs_told_in(place.output.read_text())
    for workflow in workflows(place):
        _finish(place, _command_of(place, workflow))
        found.append(replace(workflow, jobs=(*jobs, *jobs_told_in(place.output.read_text()))))
        jobs = ()
    return place, found


def _copy(place: Workplace, root: Path) -> Workplace:
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(place.root, root, symlinks=True)
    return Workplace(root)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _command(place: Workplace, *targets: str | Path, config: Path | None = None) -> list[str]:
    return place.command(*targets, config=config or place.root / "config-0.yaml", cores=CORES, threads=CORES)


def _command_of(place: Workplace, workflow: Workflow) -> list[str]:
    return _command(place, *workflow.targets, config=workflow.config)


def _finish(place: Workplace, command: list[str]) -> None:
    done = Storm(place, command, random.Random()).finish()
    assert done.code == 0, done.output


def _ends_well(place: Workplace, command: list[str], undisturbed: Workplace) -> Iterator[Case]:
    done = Storm(place, command, random.Random()).finish()
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
    "rule_kills": rule_kills,
    "training_kills": training_kills,
    "flips": flips,
    "mutations": mutations,
    "hostile_files": hostile_files,
    "small_disks": small_disks,
    "small_shared_memory": small_shared_memory,
}


def _cases(kill: Kill) -> Iterator[Case]:
    """A kill counts once for its signal, and once for each rule whose jobs ran."""
    faults = ", ".join(kill.faults)
    yield Case(f"{kill.number.name} to {kill.victim}", faults)
    for rule in kill.rules or ("nothing",):
        yield Case(f"of these, while {rule} ran", faults)


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
    with tempfile.TemporaryDirectory() as folder:
        wrong = [_run(kind, asked[kind], asked["seed"], asked["folder"] or Path(folder)) for kind in KINDS]
    sys.exit(any(wrong))


def _run(kind: str, count: int, seed: int, folder: Path) -> bool:
    """Run so many cases of a kind, and write their table. Returns whether one went wrong."""
    if count == 0:
        return False
    began, cases = time.monotonic(), []
    for case in KINDS[kind](count, seed, folder):
        cases.append(case)
        print(f"{time.monotonic() - began:7.0f} s  {case.what}: {case.outcome or 'right'}", flush=True)
    if cases:
        print(table(cases))
        PAGE.write_text(with_table(PAGE.read_text(), kind, table(cases)))
    return any(case.outcome for case in cases)


if __name__ == "__main__":
    main()

"""`wsss init`: looks at a folder of photographs and its labels, and writes a config that fits them."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from statistics import median_low

from wsss.commands.init.choices import MOST_PIXELS, Facts, choose
from wsss.commands.init.coco import find_coco
from wsss.commands.init.config_text import config_text
from wsss.commands.init.found import Found
from wsss.commands.init.headers import Headers, read_headers
from wsss.commands.init.oddities import odd_classes, odd_photographs, same_in_train_and_val
from wsss.commands.init.own_images import find_own_images
from wsss.commands.init.report import report, summary
from wsss.commands.init.request import Request, check, in_arguments
from wsss.data.photographs import bounded_size
from wsss.errors import WsssError
from wsss.files import write_text

PROJECT = Path(__file__).parents[3]


def init(request: Request, output: Path | None = None, force: bool = False) -> Iterator[str]:
    """Write a config for a folder of photographs.

    Parameters
    ----------
    request : Request
        Where photographs and labels are, and how val is drawn.
    output : Path or None
        The file to write. None: the dataset's name with .yaml, in the working directory.
    force : bool
        Whether a file that is there is replaced.

    Yields
    ------
    str
        A line for the terminal: what was found, what is odd, and how to go on.

    Raises
    ------
    WsssError
        In one line, for files that are missing or wrong, and for a file that would be replaced.
    """
    check(request)
    target = Path(f"{request.dataset_name}.yaml") if output is None else output
    _check_target(target, force)
    try:
        found = _find(request)
    except WsssError as error:
        raise WsssError(in_arguments(str(error))) from None
    except OSError as error:
        raise WsssError(f"{error.filename} cannot be read ({error.strerror}): correct its permissions") from None
    headers = read_headers(found.listing.folder, list(found.listing.photographs.values()))
    facts = _facts(found, headers)
    choices = choose(facts)
    odd = [*odd_photographs(headers, facts.long_side, request.skip_bad), *found.odd, *odd_classes(found.listing)]
    text = config_text(found, facts, choices, target)
    yield from report(found, headers.read, [*odd, *same_in_train_and_val(found)])
    _write(target, text)
    yield f"wrote {target}: {summary(choices)}"
    yield "next:"
    yield f"  wsss describe {shlex.quote(str(target))}"
    yield f"  {_snakemake()} --configfile {shlex.quote(str(target))}"


def _find(request: Request) -> Found:
    labels = request.labels
    is_coco = labels is not None and labels.is_file() and labels.suffix.lower() == ".json"
    return find_coco(request) if is_coco else find_own_images(request)


def _check_target(target: Path, force: bool) -> None:
    """Raise WsssError if the config cannot be written. It is found out before the photographs are looked at."""
    if target.suffix.lower() not in (".yaml", ".yml"):
        raise WsssError(f"--output {target}: the name of a config ends in .yaml")
    if target.is_dir():
        raise WsssError(f"--output {target} is a folder: give the name of a file")
    if target.exists() and not force:
        raise WsssError(f"{target} exists: give another name with --output, or replace it with --force")


def _facts(found: Found, headers: Headers) -> Facts:
    """Number and size of the photographs. Raises WsssError if none of train can be read."""
    listing = found.listing
    train = [path for one in listing.splits["train"] if (path := listing.photographs[one]) in headers.read]
    if not train:
        raise WsssError(f"no photograph of train can be read: {next(iter(headers.problems.values()))}")
    sides = [max(bounded_size(headers.read[path].size, MOST_PIXELS)) for path in train]
    return Facts(len(train), median_low(sides), len(headers.read), os.cpu_count() or 1)


def _write(target: Path, text: str) -> None:
    try:
        write_text(target, text)
    except OSError as error:
        raise WsssError(f"{target} cannot be written ({error.strerror}): give another place with --output") from None


def _snakemake() -> str:
    """The command that runs the workflow from this folder."""
    here = Path("Snakefile").is_file()
    return "snakemake" if here else f"snakemake --snakefile {shlex.quote(str(PROJECT / 'Snakefile'))}"

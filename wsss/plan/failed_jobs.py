"""The errors of the jobs that have failed, from their own logs. They come last, where a user looks first."""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

# How Snakemake tells of a failed job in its log.
FAILED = re.compile(
    r"^Error in rule (?P<rule>\w+)[:,].*?^    log: (?P<log>[^\n]+?) \(check log file", re.MULTILINE | re.DOTALL
)
# The lines of an error in a job's log: a time before the first, nothing before the others.
ERROR = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ error: (?P<text>.*)\Z", re.MULTILINE | re.DOTALL)


def tell_errors_of_jobs(logs: Iterable[str]) -> None:
    """Print `errors_of_jobs` to standard error."""
    for line in errors_of_jobs(logs):
        print(line, file=sys.stderr)


def errors_of_jobs(logs: Iterable[str]) -> Iterator[str]:
    """The error of each failed job and the place of its log.

    Parameters
    ----------
    logs : Iterable[str]
        Snakemake's own logs of this call.

    Yields
    ------
    str
        Lines. There are none where no job has said why it failed.
    """
    told = "\n".join(log.read_text(errors="replace") for log in map(Path, logs) if log.is_file())
    found = dict.fromkeys((match["rule"], match["log"].split(", ")[0]) for match in FAILED.finditer(told))
    for rule, own in found:
        path = Path(own)
        error = ERROR.search(path.read_text(errors="replace")) if path.is_file() else None
        if error:
            yield "\n".join([f"error in {rule}: {error['text'].rstrip()}", f"its log: {own}"])

"""What a look at a config and its files has found: errors, with which a run would fail, and warnings."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from wsss.errors import WsssError, printable

Result = TypeVar("Result")
MOST_SHOWN = 20


@dataclass
class Findings:
    """Errors and warnings, a line each, in the order in which they were found; none twice."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def error(self, text: str) -> None:
        """Add what a run would fail with."""
        self.errors += [line for line in map(printable, text.splitlines()) if line not in self.errors]

    def warn(self, text: str) -> None:
        """Add what a user should know before a run."""
        self.warnings += [line for line in map(printable, text.splitlines()) if line not in self.warnings]

    def attempt(self, work: Callable[[], Result]) -> Result | None:
        """The result of some work; None if it raises WsssError, which is then an error that was found."""
        try:
            return work()
        except WsssError as error:
            self.error(str(error))
            return None

    def many(self, texts: list[str], what: str, stops: bool = True) -> None:
        """Add the first texts of many of the same kind, and how many more there are."""
        add = self.error if stops else self.warn
        for text in texts[:MOST_SHOWN]:
            add(text)
        if len(texts) > MOST_SHOWN:
            add(f"and {len(texts) - MOST_SHOWN:,} more {what}")

    def lines(self) -> Iterator[str]:
        """All of them as lines, errors first."""
        yield from (f"error: {text}" for text in self.errors)
        yield from (f"warning: {text}" for text in self.warnings)


@contextmanager
def warnings_of_log(findings: Findings) -> Iterator[None]:
    """Take what is logged as a warning in the block as a warning that was found."""
    logger, handler = logging.getLogger("wsss"), _Taking(findings)
    logger.addHandler(handler)
    propagates, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates


class _Taking(logging.Handler):
    def __init__(self, findings: Findings) -> None:
        super().__init__(logging.WARNING)
        self.findings = findings

    def emit(self, record: logging.LogRecord) -> None:
        self.findings.warn(record.getMessage())

"""Progress of long work: a bar on a terminal, and lines in the log with the rate and the time left."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

logger = logging.getLogger("wsss")
Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 15.0


def track(items: Iterable[Item], total: int, what: str, unit: str = "image", start: int = 0) -> Iterator[Item]:
    """Yield `items` and show how many of `total` are done (starting at `start`), the rate and the time left."""
    # Snakemake plans with this module too, and its own environment may lack tqdm.
    from tqdm import tqdm

    began = last = time.monotonic()
    done = start
    with tqdm(total=total, initial=start, desc=what, unit=unit, disable=not sys.stderr.isatty(), leave=False) as bar:
        for item in items:
            yield item
            done += 1
            bar.update()
            now = time.monotonic()
            if now - last >= SECONDS_BETWEEN_LINES:
                last = now
                logger.info(_line(what, unit, done, total, (done - start) / (now - began)))
    seconds = max(time.monotonic() - began, 1e-9)
    logger.info("%s: %d %ss in %.1f s (%.2f/s)", what, done - start, unit, seconds, (done - start) / seconds)


def _line(what: str, unit: str, done: int, total: int, rate: float) -> str:
    minutes, seconds = divmod(round((total - done) / rate), 60)
    return f"{what}: {done}/{total} {unit}s, {rate:.2f} {unit}s/s, {minutes}:{seconds:02d} left"

"""Work done in threads beside the caller's own: reading ahead, and writing behind."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_background(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield `work(item)` for every item in order, worked on in a thread of its own while the caller goes on.

    Items are drawn in the caller's thread, so that a chain of these reads, computes and writes at once. One item at a
    time is in the thread's hands. What `work` raises is raised here, and no later item is begun.
    """
    with ThreadPoolExecutor(1) as pool:
        working: Future[Result] | None = None
        for item in items:
            if working is not None:
                working.result()
            finished, working = working, pool.submit(work, item)
            if finished is not None:
                yield finished.result()
        if working is not None:
            yield working.result()

"""Work in other threads than the caller's, to read ahead and to write later."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_background(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield `work(item)` for every item in order. The work runs in another thread while the caller continues.

    Items are drawn in the caller's thread, so that reading, computing and writing overlap in a chain of such calls. The
    thread works on one item at a time. Errors of `work` are raised here, and no later item is started.
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

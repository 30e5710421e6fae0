"""Work done in threads beside the caller's own: reading ahead, and writing behind."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_background(work: Callable[[Item], Result], items: Iterable[Item], threads: int = 1) -> Iterator[Result]:
    """Yield `work(item)` for every item in order, each worked on in one of `threads` while the caller goes on.

    Items are drawn in the caller's thread, so that a chain of these reads, computes and writes at once. As many items
    as threads are in their hands. What `work` raises is raised here, and no later item is begun.
    """
    with ThreadPoolExecutor(threads) as pool:
        working: deque[Future[Result]] = deque()
        for item in items:
            finished = working.popleft() if len(working) == threads else None
            if finished is not None:
                finished.result()
            working.append(pool.submit(work, item))
            if finished is not None:
                yield finished.result()
        while working:
            yield working.popleft().result()

"""Checks of files that a user brings for the images of a dataset: all faults are told at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from wsss.errors import WsssError
from wsss.progress import track

# A message names so many faults, and counts the others.
MOST_NAMED = 10


def faults_of(ids: Sequence[str], read: Callable[[str], object], workers: int, what: str) -> list[str]:
    """What is wrong with the files of some images: the messages of `read`, which raises WsssError for a wrong file.

    Parameters
    ----------
    ids : Sequence[str]
        The images.
    read : Callable[[str], object]
        Reads the files of an image. It is called in several threads.
    workers : int
        The number of threads.
    what : str
        What is read, for the progress.

    Returns
    -------
    list[str]
        A message for each image with a fault, in the order of `ids`.
    """

    def fault(image_id: str) -> str:
        try:
            read(image_id)
        except WsssError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(workers) as pool:
        return [told for told in track(pool.map(fault, ids), len(ids), what) if told]


def refuse_all(head: str, faults: Sequence[str], end: str = "") -> None:
    """Raise WsssError if there are faults.

    Parameters
    ----------
    head : str
        The first line.
    faults : Sequence[str]
        The faults, one a line. The first ones are named and the others counted.
    end : str
        The last line, such as the way out.

    Raises
    ------
    WsssError
        With all lines.
    """
    if not faults:
        return
    more = [f"and {len(faults) - MOST_NAMED} more"] if len(faults) > MOST_NAMED else []
    named = (f"  {fault}" for fault in [*faults[:MOST_NAMED], *more])
    raise WsssError("\n".join([head, *named, *([end] if end else [])]))

"""Image lists: text files with one id on each line."""

from pathlib import Path

from wsss.errors import WsssError


def read_list(path: Path) -> list[str]:
    """Ids of a list, one on each line. Raises WsssError if the file is missing, empty, or names an id twice."""
    if not path.is_file():
        raise WsssError(f"missing image list: {path}")
    try:
        ids = path.read_text(encoding="utf-8-sig").split()
    except UnicodeDecodeError:
        raise WsssError(f"image list {path} is no text in UTF-8: save it as such") from None
    if not ids:
        raise WsssError(f"image list {path} is empty: name images, or set data.lists.val: null if there is no val")
    if len(set(ids)) != len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise WsssError(f"image list {path} names {twice} more than once")
    return ids

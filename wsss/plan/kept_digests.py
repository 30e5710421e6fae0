"""Digests of code that an earlier start has computed, kept beside Python's compiled modules.

To find what each step reaches takes half a second of every start. To read all sources takes a fiftieth of it.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from wsss.errors import WsssError
from wsss.files import write_json
from wsss.plan.provenance import PACKAGE, code_digest, content_digest, short_hash

# Syntax trees differ between versions of Python, as compiled modules do.
KEPT = PACKAGE / "__pycache__" / f"code_digests.{sys.implementation.cache_tag}.json"


def kept_code_digest(script: Path, parts: frozenset[str] = frozenset()) -> str:
    """The `code_digest` of a script, from an earlier start if every source of the project is what it was then.

    Parameters
    ----------
    script : Path
        A script of the workflow.
    parts : frozenset[str]
        Full names of the modules of the parts that its settings choose.

    Returns
    -------
    str
        Twelve hex digits.
    """
    sources, digests = _sources(script.parent), _digests(script.parent)
    key = " ".join([script.name, *sorted(parts)])
    if key not in digests:
        digests[key] = code_digest(script, parts)
        # A source may have been edited since it was first read.
        if sources_digest(script.parent) == sources:
            _keep(sources, digests)
    return digests[key]


def sources_digest(scripts: Path) -> str:
    """A digest of the names and the content of all files that a digest of code can depend on.

    Parameters
    ----------
    scripts : Path
        The folder of the workflow's scripts.

    Returns
    -------
    str
        Hex digits.
    """
    found = {}
    for folder in (PACKAGE, scripts):
        files = sorted(path for kind in ("*.py", "*.html") for path in folder.rglob(kind))
        names = [str(path.relative_to(folder)) for path in files]
        found[folder.name] = [names, content_digest(files)]
    return short_hash(json.dumps(found), 64)


_sources = cache(sources_digest)


def _keep(sources: str, digests: Mapping[str, str]) -> None:
    # In a folder that cannot be written, they are computed at each start.
    with suppress(OSError, WsssError):
        write_json(KEPT, {"sources": sources, "digests": digests, "sum": _sum(sources, digests)})


@cache
def _digests(scripts: Path) -> dict[str, str]:
    """What is kept, if it is sound and of these sources."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        kept = json.loads(KEPT.read_text())
        if kept["sources"] == _sources(scripts) and kept["sum"] == _sum(kept["sources"], kept["digests"]):
            return dict(kept["digests"])
    return {}


def _sum(sources: str, digests: Mapping[str, str]) -> str:
    return short_hash(json.dumps([sources, sorted(digests.items())]), 64)

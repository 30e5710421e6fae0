"""Reads config files. What YAML passes over without a word, such as a key that stands there twice, is refused."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from wsss.errors import WsssError, printable, shown
from wsss.settings.config import Config, read_config
from wsss.settings.places import BLOCK, ConfigFile, place_locations

LARGEST_FILE = 1_000_000
# Anchors that name anchors can stand for more values than any memory holds.
MOST_VALUES = 100_000
MOST_TOLD = 10


def read_config_file(path: Path) -> Config:
    """Read a config file. Raises WsssError as `content_of_config` and `read_config`."""
    return read_config(placed_config(content_of_config(path), [path], {}))


def placed_config(
    config: Mapping[str, Any], paths: Sequence[str | Path], on_command_line: Mapping[str, Any]
) -> dict[str, Any]:
    """A config that was merged from files, with its relative places counted from the folders of the files.

    Parameters
    ----------
    config : Mapping[str, Any]
        The merged config.
    paths : Sequence[str | Path]
        Its files, in their order. Pipes are passed over.
    on_command_line : Mapping[str, Any]
        What `--config` sets.

    Returns
    -------
    dict[str, Any]
        The config.

    Raises
    ------
    WsssError
        For what `content_of_config` and `place_locations` refuse.
    """
    files = [ConfigFile(path.parent, content_of_config(path)) for path in map(Path, paths) if path.is_file()]
    if BLOCK not in config:
        return dict(config)
    return {**config, BLOCK: place_locations(config[BLOCK], files, on_command_line)}


def content_of_config(path: Path) -> dict[str, Any]:
    """The content of a config file.

    Parameters
    ----------
    path : Path
        A file in YAML or JSON.

    Returns
    -------
    dict[str, Any]
        Its keys and values.

    Raises
    ------
    WsssError
        If the file is missing, no text in UTF-8, no YAML, holds a key twice or itself, or has no keys.
    """
    text = _text(path)
    content = _from_json(path, text) if text.lstrip()[:1] == "{" else None
    if content is None:
        content = _from_yaml(path, text)
    if not isinstance(content, dict) or not content:
        raise WsssError(f"{path} is no config: it has no keys, such as data and classifier")
    return content


def _text(path: Path) -> str:
    if path.is_dir():
        raise WsssError(f"{path} is a folder: name a config, a file in YAML")
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise WsssError(f"{path} is no config: it is larger than {LARGEST_FILE // 1000} kB")
        content = path.read_bytes()
    except OSError as error:
        raise WsssError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise WsssError(f"{path}, line {line}: a byte is no UTF-8: save the file as UTF-8") from None


def _from_json(path: Path, text: str) -> Any:
    """The content of a file in JSON; None if it is none, since YAML may begin with a brace too."""
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in found]
        twice.extend(name for name in names if names.count(name) > 1)
        return dict(found)

    try:
        content = json.loads(text, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return None
    if twice:
        raise WsssError(f"{path}: the key {shown(twice[0])} stands there twice: delete one of them")
    return content


def _from_yaml(path: Path, text: str) -> Any:
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        _check(path, tree)
        return None if tree is None else yaml.SafeLoader("").construct_document(tree)
    except yaml.MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        tab = "; tabs may not indent lines: use blanks" if "\\t" in str(error.problem) else ""
        why = printable(" ".join(filter(None, [error.context, error.problem])))
        raise WsssError(f"{path}{where}: no YAML: {why}{tab}") from None
    except yaml.YAMLError as error:
        raise WsssError(f"{path}: no YAML: {printable(' '.join(str(error).split()))}") from None
    except RecursionError:
        raise WsssError(f"{path}: its blocks are nested too deeply") from None
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        # PyYAML makes numbers and dates of texts that look like some, and raises what Python raises.
        why = printable(str(error))[:80]
        raise WsssError(
            f"{path}: a value looks like a number or a date and is none: put it in quotes ({why})"
        ) from None


def _check(path: Path, tree: yaml.Node | None) -> None:
    """Raise WsssError if a key stands twice in a block, a block holds itself, or anchors multiply values."""
    if tree is None:
        return
    _count(path, tree, {}, set())
    faults = list(dict.fromkeys(_keys_twice(tree, set())))
    if faults:
        more = f"; and {len(faults) - MOST_TOLD} more" if len(faults) > MOST_TOLD else ""
        raise WsssError(f"{path}: {'; '.join(faults[:MOST_TOLD])}{more}: delete one of them")


def _count(path: Path, node: yaml.Node, known: dict[int, int], above: set[int]) -> int:
    """How many values a node stands for, those of its anchors counted wherever they are used."""
    if id(node) in above:
        raise WsssError(f"{path}, line {node.start_mark.line + 1}: an anchor holds itself: write the values out")
    if id(node) not in known:
        inside = above | {id(node)}
        known[id(node)] = 1 + sum(_count(path, one, known, inside) for one in _children(node))
    if known[id(node)] > MOST_VALUES:
        raise WsssError(f"{path} stands for more than {MOST_VALUES:,} values: its anchors name anchors too often")
    return known[id(node)]


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _keys_twice(node: yaml.Node, seen: set[int]) -> Iterator[str]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key in (one for one, _ in node.value if isinstance(one, yaml.ScalarNode)):
            line, name = key.start_mark.line + 1, (key.tag, key.value)
            if name in lines:
                yield f"the key {printable(key.value)} stands there twice, on the lines {lines[name]} and {line}"
            lines[name] = line
    for child in _children(node):
        yield from _keys_twice(child, seen)

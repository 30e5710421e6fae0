"""Config files: what YAML passes over without a word, and what it raises, becomes one line with the file."""

import json
import re
from pathlib import Path

import pytest

from wsss.errors import WsssError
from wsss.settings.config_file import content_of_config, placed_config, read_config_file

# Each name of this stands for ten of the one before: a billion values.
BOMB = "a: &a [1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"shards: 1\nshards: 2\n", "the key shards stands there twice, on the lines 1 and 2: delete one of them"),
        (b"a: {x: 1, x: 2}\n", "the key x stands there twice, on the lines 1 and 1: delete"),
        (b"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\na: 2\n", "the key a stands there twice, on the lines 1 and 6; the key c"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' stands there twice"),
        (b"runs: &r\n  a: *r\n", ", line 1: an anchor holds itself: write the values out"),
        (b"data: 1\n# caf\xe9\n", ", line 2: a byte is no UTF-8: save the file as UTF-8"),
        (b"report:\n\tpanels: 2\n", ", line 2: no YAML: while scanning for the next token found character '\\t'"),
        (b"", "is no config: it has no keys, such as data and classifier"),
        (b"{}", "is no config: it has no keys"),
        (b"- a\n- b\n", "is no config: it has no keys"),
        (b"? [a, b]\n: 1\n", ", line 1: no YAML: while constructing a mapping found unhashable key"),
        (b"a: [1\n", "no YAML: while parsing a flow sequence expected ',' or ']'"),
        (b"a: \x00\n", "no YAML: unacceptable character"),
        (b"a: " + b"1" * 5000, "a value looks like a number or a date and is none: put it in quotes"),
        (b"a: 2020-13-45\n", "a value looks like a number or a date and is none: put it in quotes"),
        (b"a: !!python/object/apply:os.system [ls]\n", "no YAML: could not determine a constructor for the tag"),
        (b"a: *b\n", "no YAML: found undefined alias 'b'"),
        (b"[" * 3000, "its blocks are nested too deeply"),
        (BOMB.encode(), "stands for more than 100,000 values: its anchors name anchors too often"),
        (b"a: " + b"x" * 1_000_001, "is larger than 1000 kB"),
    ],
)
def test_a_faulty_file_is_told_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(content)
    with pytest.raises(WsssError, match=re.escape(message)) as caught:
        content_of_config(path)
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).isprintable()
    with pytest.raises(WsssError):
        placed_config({}, [path], {})


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WsssError, match=r"is a folder: name a config, a file in YAML"):
        content_of_config(tmp_path)
    with pytest.raises(WsssError, match=r"none\.yaml cannot be read: No such file or directory"):
        content_of_config(tmp_path / "none.yaml")


def test_anchors_merge_keys_marks_and_json_stay_allowed(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: [*a, *a]\n")
    one = {"x": 1, "y": 2}
    assert content_of_config(path) == {"a": one, "b": {"x": 3, "y": 2}, "c": [one, one]}
    path.write_text(json.dumps({"a": one}, indent="\t"))
    assert content_of_config(path) == {"a": one}


def test_the_settings_of_a_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("data: {kind: synthetic}\nclassifier: {batch: 0}\n")
    with pytest.raises(WsssError, match=r"config: classifier\.batch = 0"):
        read_config_file(path)

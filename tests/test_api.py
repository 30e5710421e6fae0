"""docs/api.md: it is what its script writes now, and every public name has the sections that its signature asks for."""

import ast
import re
import runpy
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import Any

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

from tests.conftest import PROJECT

API = SimpleNamespace(**runpy.run_path(str(PROJECT / "docs" / "write_api.py")))
ENTRIES = [API.entry(name) for names in API.PUBLIC.values() for name in names]
EVERY = [one for own in ENTRIES for one in (own, *API.methods(own))]
# numpydoc's checks: sections and their order, a summary of one line, every parameter and returned value described.
CHECKS = {"GL03", "GL06", "GL07", "GL08", "GL09", "SS01", "SS03", "SS06"}
CHECKS |= {"PR02", "PR03", "PR04", "PR05", "PR07", "PR09", "RT03", "RT05"}
ARRAYS = {"Tensor", "np.ndarray"}
# Methods of torch's modules that are overridden and whose meaning stays.
OVERRIDDEN = {"train"}
USERS_OWN = {"WsssError", "ValueError"}


def full_name(own: Any) -> str:
    """The name by which Python finds an entry."""
    module = ".".join(own.file.relative_to(PROJECT).with_suffix("").parts)
    title = own.title if own.title[0].isupper() else own.node.name
    return f"{module}.{title}"


def arguments(node: ast.FunctionDef | ast.ClassDef) -> dict[str, str]:
    """The types of what a function or a class is given."""
    listed = API.fields(node) if isinstance(node, ast.ClassDef) else API.parameters(node)
    return {name: kind.partition(" = ")[0] for name, kind in (one.split(": ", 1) for one in listed)}


def raised(node: ast.AST) -> set[str]:
    """The exceptions for users that a definition raises by its own statements."""
    calls = [one.exc for one in ast.walk(node) if isinstance(one, ast.Raise)]
    names = {call.func.id for call in calls if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)}
    return names & USERS_OWN


def missing(node: ast.FunctionDef | ast.ClassDef, text: NumpyDocString) -> list[str]:
    """What a docstring does not say of its signature."""
    given = arguments(node)
    told = {name: f"{kind} {' '.join(lines)}" for name, kind, lines in text["Parameters"]}
    found = [f"Parameters are {[*told]}, not {[*given]}"] if [*told] != [*given] else []
    shapeless = [name for name, kind in given.items() if kind in ARRAYS and not has_shape(told.get(name, ""))]
    found += [f"no shape: {name}" for name in shapeless]
    if isinstance(node, ast.ClassDef):
        return found
    returns = ast.unparse(node.returns) if node.returns else "None"
    if (returns == "None") == bool(text["Returns"]):
        found.append("Returns")
    if returns in ARRAYS and not has_shape(" ".join(text["Returns"][0].desc if text["Returns"] else [])):
        found.append("no shape: Returns")
    named = {kind for _, kind, _ in text["Raises"]}
    return found + [f"Raises {name}" for name in sorted(raised(node) - named)]


def has_shape(text: str) -> bool:
    return bool(re.search(r"\(.+,.*\)|\bscalar\b", text))


def test_the_page_is_what_the_docstrings_say() -> None:
    assert API.PAGE.read_text() == API.page(), "run python docs/write_api.py"


def test_there_are_some_fifty_names_and_each_stands_once() -> None:
    names = [own.title for own in ENTRIES]
    assert len(names) >= 50
    assert len(set(names)) == len(names)


def test_headings_lead_to_one_place_each() -> None:
    titles = re.findall(r"^#+ (.+)$", API.page(), re.MULTILINE)
    places = [API.anchor(title) for title in titles]
    assert [place for place in places if places.count(place) > 1] == []


@pytest.mark.parametrize("own", EVERY, ids=full_name)
def test_a_docstring_has_what_its_signature_asks_for(own: Any) -> None:
    assert missing(own.node, own.text) == []


@pytest.mark.parametrize("own", EVERY, ids=full_name)
def test_numpydoc_finds_the_docstring_whole(own: Any) -> None:
    errors = validate(full_name(own))["errors"]
    assert [error for error in errors if error[0] in CHECKS] == []


@pytest.mark.parametrize("own", ENTRIES, ids=full_name)
def test_a_public_name_can_be_imported_and_is_defined_there(own: Any) -> None:
    found = resolve_name(full_name(own))
    assert found.__module__ == full_name(own).rpartition(".")[0]


def test_methods_of_public_classes_have_docstrings() -> None:
    classes = [own.node for own in ENTRIES if isinstance(own.node, ast.ClassDef)]
    functions = [(one.name, function) for one in classes for function in API.public_functions(one)]
    bare = [f"{name}.{one.name}" for name, one in functions if not ast.get_docstring(one)]
    assert [name for name in bare if name.rpartition(".")[2] not in OVERRIDDEN] == []


def test_every_equation_of_the_papers_has_its_place() -> None:
    rows = re.findall(r"^\| (VW[EL]) eq\. (\d+) \|", API.page(), re.MULTILINE)
    found = {paper: {int(number) for name, number in rows if name == paper} for paper in API.PAPERS}
    assert found == {"VWE": set(range(1, 13)), "VWL": set(range(1, 16))}


def test_every_setting_of_a_run_is_in_a_table() -> None:
    from wsss.settings.run import RunSettings

    table = API.settings().split("`settings.run.RunSettings`\n")[1].split("\n### ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [*RunSettings.model_fields]


WHOLE = '''
def halve(image: Tensor, share: float = 0.5) -> Tensor:
    """Less of an image.

    Parameters
    ----------
    image : Tensor
        Float (h, w).
    share : float
        What is left, 0..1.

    Returns
    -------
    Tensor
        Float (h, w).

    Raises
    ------
    WsssError
        Where the share is negative.
    """
    if share < 0:
        raise WsssError("share")
    return share * image
'''


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("", "", []),
        ("    share : float\n        What is left, 0..1.\n", "", ["Parameters are ['image'], not ['image', 'share']"]),
        ("    image : Tensor\n        Float (h, w).", "    image : Tensor\n        Any.", ["no shape: image"]),
        ("Returns\n    -------\n    Tensor\n        Float (h, w).", "", ["Returns", "no shape: Returns"]),
        ("    WsssError\n        Where", "    KeyError\n        Where", ["Raises WsssError"]),
    ],
)
def test_what_a_docstring_lacks_is_found(old: str, new: str, fault: list[str]) -> None:
    (node,) = ast.parse(WHOLE.replace(old, new)).body
    assert isinstance(node, ast.FunctionDef)
    assert missing(node, API.sections(node)) == fault


def test_the_page_escapes_what_markdown_would_take() -> None:
    assert API.escaped("a * b < c, `d * e`") == r"a \* b \< c, `d * e`"
    assert API.in_table("a | b") == r"a \| b"

"""What an artifact depends on besides its inputs: its settings, which are in its path, and the code that makes it.

The code of a step is every definition of the project that its script reaches by name, directly or through others.
Functions that are not reached do not change its digest. Neither do comments, docstrings, or the place of a definition.
"""

import ast
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1]
# Progress, errors and records do not change results. Settings are in the path and in the parameters.
WITHOUT_EFFECT = ("wsss.progress", "wsss.errors", "wsss.settings", "wsss.runtime.made_by")
# The function that loads the parts that settings choose. A step that reaches it depends on the chosen parts only, so a
# new part reruns nothing.
LOADER = ("wsss.runtime.parts", "load_part")


class Definition(NamedTuple):
    """A function, class or constant at the top of a module. An empty name means statements that run on import."""

    file: Path
    name: str


def short_hash(text: str, digits: int = 6) -> str:
    """The first hex digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def content_digest(files: Iterable[Path]) -> str:
    """Twelve hex digits of the content of `files`, in their order. A missing file counts as empty."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes() if file.is_file() else b""
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()[:12]


@cache
def code_digest(script: Path, parts: frozenset[str] = frozenset()) -> str:
    """Twelve hex digits of the code of `script` and of every definition of the project that it reaches.

    Parameters
    ----------
    script
        A script of the workflow.
    parts
        Full names of the modules of the parts that its settings choose; see `LOADER`.
    """
    found = reached(script, parts)
    texts = [_code_and_references(definition).code for definition in found]
    texts += [_template(file) for file in {definition.file for definition in found}]
    # Texts are sorted, so that the place of a definition does not count.
    return short_hash("\n\n".join(sorted(texts)), 12)


def reached(script: Path, parts: frozenset[str] = frozenset()) -> set[Definition]:
    """Every definition of the project that a script reaches by name, its own included."""
    seen: set[Definition] = set()
    waiting = set(_whole(script))
    while waiting:
        definition = waiting.pop()
        seen.add(definition)
        found = _code_and_references(definition).references
        if definition.name == LOADER[1] and _module_name(definition.file) == LOADER[0]:
            found = found.union(*(_whole(file) for part in parts if (file := _file(part, script))))
        waiting |= found - seen
    return seen


def reached_modules(script: Path, parts: Collection[str] = ()) -> set[str]:
    """Full names of the modules whose definitions a script reaches."""
    return {_module_name(definition.file) for definition in reached(script, frozenset(parts))}


class _CodeAndReferences(NamedTuple):
    """The code of a definition, and the definitions of the project that it names."""

    code: str
    references: frozenset[Definition]


@cache
def _module(file: Path) -> Mapping[str, _CodeAndReferences]:
    """Code and references of all definitions at the top of a module, by name. Other statements have the empty name.

    They are read at once, so that no syntax tree is kept. A large tree would slow down all later planning.
    """
    tree = ast.parse(file.read_text())
    definitions: dict[str, list[ast.stmt]] = {"": []}
    for statement in tree.body:
        for name in _defined(statement):
            definitions.setdefault(name, []).append(statement)
    of_module = _bindings(file, tree.body)
    return {name: _read(file, definitions, name, of_module) for name in definitions}


def _read(
    file: Path, definitions: Mapping[str, list[ast.stmt]], name: str, of_module: Mapping[str, Definition]
) -> _CodeAndReferences:
    nodes = [node for statement in definitions[name] for node in ast.walk(statement)]
    bindings = {**of_module, **_bindings(file, nodes)}
    references = {reference for node in nodes for reference in _named(file, node, definitions, bindings)}
    # References are collected first, because removing docstrings and imports changes the nodes.
    for node in nodes:
        _take_out_docstring_and_imports(node)
    # Importing a module also runs the statements that define no name.
    references.add(Definition(file, ""))
    return _CodeAndReferences("\n".join(map(ast.unparse, definitions[name])), frozenset(references))


def _code_and_references(definition: Definition) -> _CodeAndReferences:
    found = _module(definition.file)
    if definition.name not in found:
        raise LookupError(f"{definition.file} defines no {definition.name}: import it from the module that does")
    return found[definition.name]


def _defined(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            return [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return []
    return [""]


@cache
def _template(file: Path) -> str:
    """The template of a page, which is beside a module and has its name; empty if there is none."""
    template = file.with_suffix(".html")
    return template.read_text() if template.is_file() else ""


def _named(file: Path, node: ast.AST, own: Collection[str], bindings: Mapping[str, Definition]) -> Iterator[Definition]:
    """The definitions that a node names, through its module or by themselves."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in bindings:
        module, name = bindings[node.value.id]
        if not name:
            yield Definition(module, node.attr)
    elif isinstance(node, ast.Name) and node.id in bindings:
        yield bindings[node.id]
    elif isinstance(node, ast.Name) and node.id in own:
        yield Definition(file, node.id)


def _bindings(file: Path, nodes: Iterable[ast.AST]) -> dict[str, Definition]:
    """Names that import statements bind to definitions or modules of the project."""
    found = {}
    for node in nodes:
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        for alias in node.names:
            module, inside = _file(f"{node.module}.{alias.name}", file), _file(node.module, file)
            if module is not None:
                found[alias.asname or alias.name] = Definition(module, "")
            elif inside is not None:
                found[alias.asname or alias.name] = Definition(inside, alias.name)
    return found


@cache
def _file(module: str, importer: Path) -> Path | None:
    """The file of a module of the project, or of a module beside the script that imports it; else None."""
    if module.startswith(WITHOUT_EFFECT):
        return None
    first, *rest = module.split(".")
    if first == "wsss":
        file = PACKAGE.joinpath(*rest).with_suffix(".py") if rest else PACKAGE / "__init__.py"
    else:
        file = importer.with_name(f"{first}.py") if not rest else importer.parent / "no such file"
    return file if file.is_file() else None


@cache
def _module_name(file: Path) -> str:
    if not file.is_relative_to(PACKAGE):
        return file.stem
    return ".".join(["wsss", *file.relative_to(PACKAGE).with_suffix("").parts])


def _whole(file: Path) -> list[Definition]:
    return [Definition(file, name) for name in _module(file)]


def _take_out_docstring_and_imports(node: ast.AST) -> None:
    """Remove the docstring and the imports of a node. Imports only say where a definition is."""
    body = getattr(node, "body", None)
    if not isinstance(body, list):
        return
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        body = body[1:]
    kept = [one for one in body if not isinstance(one, ast.Import | ast.ImportFrom)]
    node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]

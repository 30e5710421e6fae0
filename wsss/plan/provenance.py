"""What an artifact depends on besides its inputs: its own settings, as a path segment, and the code that makes it."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# How work is shown cannot change what it makes.
WITHOUT_EFFECT = frozenset({"wsss.progress", "wsss.errors"})


def segment(label: str, key: str) -> str:
    """Path segment `<label>-<six hex digits>` of settings whose canonical text is `key`."""
    return f"{label}-{hashlib.sha256(key.encode()).hexdigest()[:6]}"


def content_digest(files: Iterable[Path]) -> str:
    """Twelve hex digits over what lies in `files`, in their order; a file that is missing counts as empty."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes() if file.is_file() else b""
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()[:12]


def code_digest(script: Path) -> str:
    """Twelve hex digits over the code of `script` and of every module of wsss that it imports, at any depth.

    Comments, docstrings and formatting do not count, nor do modules that only show progress. A page's template, which
    lies beside its module under the same name, counts whole.
    """
    digest = hashlib.sha256(_bare_code(script).encode())
    for module in sorted(import_closure(script)):
        file = _existing_file(module)
        digest.update(f"\n{module}\n{_bare_code(file)}".encode())
        template = file.with_suffix(".html")
        if template.is_file():
            digest.update(template.read_bytes())
    return digest.hexdigest()[:12]


def import_closure(script: Path) -> set[str]:
    """Modules of wsss that `script` imports, and that those import, less the ones without effect on results."""
    seen: set[str] = set()
    waiting = list(imported_modules(script))
    while waiting:
        module = waiting.pop()
        if module not in seen and module not in WITHOUT_EFFECT:
            seen.add(module)
            waiting.extend(imported_modules(_existing_file(module)))
    return seen


@cache
def imported_modules(file: Path) -> frozenset[str]:
    """Modules of wsss that `file` names in its import statements, those inside functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found.update(name for name in names if name.startswith("wsss.") and _file(name) is not None)
    return frozenset(found)


@cache
def _file(module: str) -> Path | None:
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


def _existing_file(module: str) -> Path:
    file = _file(module)
    if file is None:
        raise ModuleNotFoundError(f"no module {module} in {PACKAGE}")
    return file


@cache
def _bare_code(file: Path) -> str:
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)

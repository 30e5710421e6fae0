"""What an artifact depends on besides its inputs: its own settings, as a path segment, and the code that makes it."""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
# How work is shown cannot change what it makes.
WITHOUT_EFFECT = frozenset({"wsss.progress", "wsss.errors"})


def segment(label: str, key: str) -> str:
    """Path segment `<label>-<six hex digits>` of settings whose canonical text is `key`."""
    return f"{label}-{hashlib.sha256(key.encode()).hexdigest()[:6]}"


def code_digest(*modules: str) -> str:
    """Twelve hex digits over the code of `modules` and of every module of wsss that they import, at any depth.

    Comments, docstrings and formatting do not count, nor do modules that only show progress.
    """
    digest = hashlib.sha256()
    for module in sorted(import_closure(*modules)):
        digest.update(f"{module}\n{_bare_code(module)}\n".encode())
    return digest.hexdigest()[:12]


def import_closure(*modules: str) -> set[str]:
    """Names of `modules` and of all modules of wsss that importing them runs, less those without effect on results."""
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in seen and module not in WITHOUT_EFFECT:
            seen.add(module)
            waiting.extend(imported_modules(module))
    return seen


@cache
def imported_modules(module: str) -> frozenset[str]:
    """Modules of wsss that `module` names in its import statements, those inside functions included."""
    found: set[str] = set()
    for node in ast.walk(_tree(module)):
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
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _tree(module: str) -> ast.Module:
    file = _file(module)
    if file is None:
        raise ModuleNotFoundError(f"no module {module} in {PACKAGE}")
    return ast.parse(file.read_text())


@cache
def _bare_code(module: str) -> str:
    tree = ast.parse(ast.unparse(_tree(module)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)

"""Digests of code: what may change without a trace, what may not, and what each step of the workflow reaches."""

import ast
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from wsss.plan import provenance
from wsss.plan.provenance import code_digest, content_digest, import_closure, segment

SCRIPTS = PROJECT / "workflow_scripts"
CODE = {
    "__init__.py": "",
    "errors.py": "class WsssError(Exception): pass\n",
    "progress.py": "def track(items): return items\n",
    "first.py": "import wsss.second\nfrom wsss.progress import track\nVALUE = wsss.second.VALUE + 1\n",
    "second.py": "def late():\n    from wsss.deep import third\n    return third.VALUE\nVALUE = 2\n",
    "deep/__init__.py": "",
    "deep/third.py": "from wsss.errors import WsssError\nfrom wsss.deep.fourth import VALUE\n",
    "deep/fourth.py": 'class Box:\n    """A box."""\n\n    side = 3\n\nVALUE = Box.side\n',
    "deep/loop.py": "from wsss.deep import third\nimport wsss.first\n",
    "other.py": "VALUE = 9\n",
    "settings_of_other.py": "from wsss import other\n",
}
SCRIPT = """\
'''A step.'''

from step import step

with step(snakemake):
    from wsss.first import VALUE

    print(VALUE)
"""


def forget() -> None:
    """Files are read once in a process; the tests change them."""
    for cached in (provenance.imported_modules, provenance._file, provenance._bare_code):
        cached.cache_clear()


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    forget()
    yield
    forget()


def test_contents_count_and_places_do_not(tmp_path: Path) -> None:
    def digest(*contents: bytes | None) -> str:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        files = [folder / str(number) for number in range(len(contents))]
        for file, content in zip(files, contents, strict=True):
            if content is not None:
                file.write_bytes(content)
        return content_digest(files)

    assert digest(b"ab", b"c") == digest(b"ab", b"c")
    assert len({digest(b"ab", b"c"), digest(b"a", b"bc"), digest(b"c", b"ab"), digest(b"ab"), digest(b"ab", None)}) == 5


class Package:
    """A small package in the place of wsss, and a script that uses it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.script = folder / "wsss", folder / "step_script.py"
        for name, content in CODE.items():
            self.write(name, content)
        self.script.write_text(SCRIPT)

    def write(self, name: str, content: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def digest(self) -> str:
        forget()
        return code_digest(self.script)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "wsss")
    return Package(tmp_path)


def test_the_closure_is_what_the_script_reaches_at_any_depth(package: Package) -> None:
    found = import_closure(package.script)
    assert found - {"wsss.deep"} == {"wsss.first", "wsss.second", "wsss.deep.third", "wsss.deep.fourth"}


def test_circles_end(package: Package) -> None:
    package.write("deep/fourth.py", CODE["deep/fourth.py"] + "import wsss.deep.loop\n")
    assert {"wsss.deep.loop", "wsss.deep.third", "wsss.first"} <= import_closure(package.script)


def commented(code: str) -> str:
    return "# A comment.\n" + code.replace("\n", "  # another\n", 1)


def documented(code: str) -> str:
    return '"""What this is about."""\n' + code


def spaced(code: str) -> str:
    return code.replace(" = ", "   =  ").replace("\n", "\n\n")


def in_brackets(code: str) -> str:
    return code.replace("VALUE = Box.side", "VALUE = (\n    Box.side\n)").replace(
        "return third.VALUE", "return (third.VALUE)"
    )


@pytest.mark.parametrize("change", [commented, documented, spaced, in_brackets])
@pytest.mark.parametrize("name", ["first.py", "second.py", "deep/fourth.py"])
def test_comments_docstrings_and_formatting_do_not_count(
    package: Package, change: Callable[[str], str], name: str
) -> None:
    before = package.digest()
    package.write(name, change(CODE[name]))
    assert package.digest() == before
    package.script.write_text(SCRIPT.replace("'''A step.'''", "# Says nothing.").replace("print(", "print (  "))
    assert package.digest() == before


def test_docstrings_of_classes_and_functions_do_not_count_and_other_texts_do(package: Package) -> None:
    before = package.digest()
    package.write("deep/fourth.py", CODE["deep/fourth.py"].replace("A box.", "Another box."))
    package.write("second.py", CODE["second.py"].replace("def late():\n", 'def late():\n    """Later."""\n'))
    assert package.digest() == before
    package.write("deep/fourth.py", CODE["deep/fourth.py"] + 'NAME = "Another box."\n')
    assert package.digest() != before


def test_a_docstring_is_no_different_from_none(package: Package) -> None:
    package.write("second.py", 'def late():\n    """Only words."""\n')
    before = package.digest()
    package.write("second.py", "def late():\n    pass\n")
    assert package.digest() == before


def test_the_template_of_a_reached_module_counts_and_that_of_another_does_not(package: Package) -> None:
    before = package.digest()
    package.write("other.html", "<p>A page.</p>")
    assert package.digest() == before
    package.write("deep/third.html", "<p>A page.</p>")
    assert package.digest() != before


@pytest.mark.parametrize("name", ["first.py", "second.py", "deep/third.py", "deep/fourth.py"])
def test_code_counts_at_any_depth(package: Package, name: str) -> None:
    before = package.digest()
    package.write(name, CODE[name] + "MORE = 1\n")
    assert package.digest() != before


def test_code_of_the_script_counts(package: Package) -> None:
    before = package.digest()
    package.script.write_text(SCRIPT.replace("print(VALUE)", "print(VALUE + 1)"))
    assert package.digest() != before


@pytest.mark.parametrize("name", ["progress.py", "errors.py", "other.py", "settings_of_other.py", "deep/loop.py"])
def test_what_is_not_reached_or_only_shows_progress_does_not_count(package: Package, name: str) -> None:
    before = package.digest()
    package.write(name, CODE[name] + "MORE = 1\n")
    assert package.digest() == before


def test_a_new_module_counts_from_its_import_on(package: Package) -> None:
    before = package.digest()
    package.write("new.py", "VALUE = 1\n")
    assert package.digest() == before
    package.write("deep/fourth.py", CODE["deep/fourth.py"] + "from wsss import new\n")
    imported = package.digest()
    assert imported != before
    package.write("new.py", "VALUE = 2\n")
    assert package.digest() not in (before, imported)


def test_the_place_of_the_package_does_not_count(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = package.digest()
    assert len(before) == 12
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "elsewhere" / "wsss")
    assert Package(tmp_path / "elsewhere").digest() == before


def test_the_classifier_reaches_its_network_and_nothing_of_later_stages() -> None:
    found = import_closure(SCRIPTS / "train_classifier.py")
    assert {"wsss.classification.classifier", "wsss.classification.visual_words", "wsss.networks.backbones"} <= found
    assert {"wsss.settings.classifier", "wsss.training.loop", "wsss.data.augmentation"} <= found
    later = ("wsss.segmentation.", "wsss.refinement.", "wsss.evaluation.")
    assert not [name for name in found if name.startswith(later)]
    assert not found & {"wsss.settings.segmentation", "wsss.settings.refinement", "wsss.settings.run"}
    assert not found & {"wsss.progress", "wsss.errors", "wsss.cli", "wsss.data.voc12", "wsss.data.synthetic.scenes"}


def digests() -> dict[str, str]:
    """The digest of every step."""
    return {path.stem: code_digest(path) for path in sorted(SCRIPTS.glob("*.py")) if path.name != "step.py"}


def changed_steps(module: str, before: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Steps whose digest changes with a line of code in `module` of a copy of the package."""
    copied = folder / module / "wsss"
    shutil.copytree(PROJECT / "wsss", copied, ignore=shutil.ignore_patterns("__pycache__"))
    with (copied / module).open("a") as file:
        file.write("\nMORE = 1\n")
    forget()
    with monkeypatch.context() as context:
        context.setattr(provenance, "PACKAGE", copied)
        after = digests()
    return {name for name in before if before[name] != after[name]}


def test_a_change_reruns_the_steps_that_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests()
    segmentation = changed_steps("settings/segmentation.py", before, tmp_path, monkeypatch)
    assert {"train_segmentation", "predict"} <= segmentation
    stages = {"train_classifier", "make_cams", "make_confident_labels", "train_irnet", "make_pseudo_labels"}
    assert not segmentation & stages
    network = changed_steps("classification/classifier.py", before, tmp_path, monkeypatch)
    assert network == {"train_classifier", "make_cams", "count_words"}
    assert changed_steps("progress.py", before, tmp_path, monkeypatch) == set()


def test_all_imports_are_of_a_kind_that_the_closure_follows() -> None:
    """By full name, as statements; and packages themselves hold no code, since importing a module runs them unseen."""
    for path in sorted((PROJECT / "wsss").rglob("*.py")):
        tree = ast.parse(path.read_text())
        if path.name == "__init__.py":
            assert all(isinstance(node, ast.Expr) for node in tree.body), path
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path
            assert not (isinstance(node, ast.Name) and node.id == "__import__"), path
            assert not (isinstance(node, ast.Import | ast.ImportFrom) and "importlib" in ast.unparse(node)), path


def test_segments_follow_from_the_key_alone() -> None:
    assert segment("vwl_l", "{}") == "vwl_l-44136f"
    assert segment("vwl_l", '{"gamma": 1.0}') != segment("vwl_l", '{"gamma": 2.0}')
    assert len({segment("x", str(number)) for number in range(300)}) == 300

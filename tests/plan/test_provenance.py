"""Digests of code: changes that must not alter a digest, changes that must, and what each step reaches."""

import ast
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.settings.samples import BACKBONE
from wsss.plan import provenance
from wsss.plan.provenance import code_digest, content_digest, reached, reached_modules, short_hash
from wsss.plan.stages import STAGES, folders_of
from wsss.settings.run import RunSettings, settings_of

SCRIPTS = PROJECT / "workflow_scripts"
# The parts that a run chooses whose config says nothing of methods.
RUN = RunSettings.model_validate(
    {"data": {"kind": "synthetic"}} | {name: {"backbone": BACKBONE} for name in ("classifier", "irnet", "segmentation")}
)
CODE = {
    "__init__.py": "",
    "errors.py": "class WsssError(Exception): pass\n",
    "progress.py": "def track(items): return items\n",
    "settings/__init__.py": "",
    "settings/stage.py": "class StageSettings: epochs = 3\n",
    "first.py": "from wsss import second\nfrom wsss.progress import track\nVALUE = second.VALUE + 1\nUNUSED = 1\n",
    "second.py": "def late():\n    from wsss.deep import third\n    return third.VALUE\nVALUE = late()\n",
    "deep/__init__.py": "",
    "deep/third.py": "from wsss.errors import WsssError\nfrom wsss.deep.fourth import Box\nVALUE = Box().side\n",
    "deep/fourth.py": 'SIDE = 3\n\nclass Box:\n    """A box."""\n\n    side = SIDE\n\nVALUE = 4\n',
    "deep/loop.py": "from wsss.first import VALUE\nTWICE = 2 * VALUE\n",
    "other.py": "VALUE = 9\n",
    "settings_of_other.py": "from wsss import other\n",
    "refinement/__init__.py": "",
    "runtime/__init__.py": "",
    "runtime/parts.py": "def load_part(module): return module\n",
    "refinement/methods.py": (
        "from wsss.runtime.parts import load_part\ndef chosen(settings): return load_part(settings)\n"
    ),
    "refinement/a.py": "from wsss.other import VALUE\ndef run(): return VALUE\n",
    "refinement/b.py": "def run(): return 2\n",
}
SCRIPT = """\
'''A step.'''

from step import step

with step(snakemake):
    from wsss.first import VALUE
    from wsss.refinement.methods import chosen
    from wsss.settings.stage import StageSettings

    print(VALUE, chosen(StageSettings))
"""
STEP = "def step(snakemake): return started(snakemake)\ndef started(snakemake): return 1\ndef other(): return 2\n"


def forget() -> None:
    """Files are read once in a process; the tests change them."""
    for cached in vars(provenance).values():
        if hasattr(cached, "cache_clear"):
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
        self.step = folder / "step.py"
        self.step.write_text(STEP)

    def write(self, name: str, content: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def digest(self, *parts: str) -> str:
        forget()
        return code_digest(self.script, frozenset(parts))

    def changes(self, name: str, old: str, new: str) -> bool:
        """Whether the digest is another one with a part of a file replaced."""
        before = self.digest()
        assert old in CODE[name]
        self.write(name, CODE[name].replace(old, new))
        after = self.digest()
        self.write(name, CODE[name])
        return before != after


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "wsss")
    return Package(tmp_path)


def test_what_is_reached_is_what_the_script_names_at_any_depth(package: Package) -> None:
    found = {f"{one.file.relative_to(package.root.parent)}:{one.name}" for one in reached(package.script) if one.name}
    assert found == {
        "step.py:step",
        "step.py:started",
        "wsss/first.py:VALUE",
        "wsss/second.py:VALUE",
        "wsss/second.py:late",
        "wsss/deep/third.py:VALUE",
        "wsss/deep/fourth.py:Box",
        "wsss/deep/fourth.py:SIDE",
        "wsss/refinement/methods.py:chosen",
        "wsss/runtime/parts.py:load_part",
    }


def test_circles_end(package: Package) -> None:
    package.write(
        "deep/fourth.py", CODE["deep/fourth.py"].replace("SIDE = 3", "from wsss.deep.loop import TWICE as SIDE")
    )
    assert {"wsss.deep.loop", "wsss.deep.third", "wsss.first"} <= reached_modules(package.script)


def test_a_name_that_its_module_does_not_define_is_refused(package: Package) -> None:
    package.write("second.py", "from wsss.other import VALUE\n")
    with pytest.raises(LookupError, match="defines no VALUE"):
        package.digest()


def commented(code: str) -> str:
    return "# A comment.\n" + code.replace("\n", "  # another\n", 1)


def documented(code: str) -> str:
    return '"""What this is about."""\n' + code


def spaced(code: str) -> str:
    return code.replace(" = ", "   =  ").replace("\n", "\n\n")


def in_brackets(code: str) -> str:
    return code.replace("side = SIDE", "side = (\n        SIDE\n    )").replace(
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
    assert not package.changes("deep/fourth.py", "A box.", "Another box.")
    assert not package.changes("second.py", "def late():\n", 'def late():\n    """Later."""\n')
    assert package.changes("deep/fourth.py", "side = SIDE", 'side = SIDE\n    name = "Another box."')


def test_a_docstring_is_no_different_from_none(package: Package) -> None:
    package.write("second.py", 'def late():\n    """Only words."""\nVALUE = late()\n')
    before = package.digest()
    package.write("second.py", "def late():\n    pass\nVALUE = late()\n")
    assert package.digest() == before


def test_the_template_of_a_reached_module_counts_and_that_of_another_does_not(package: Package) -> None:
    before = package.digest()
    package.write("other.html", "<p>A page.</p>")
    assert package.digest() == before
    package.write("deep/third.html", "<p>A page.</p>")
    assert package.digest() != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("first.py", "+ 1", "+ 2"),
        ("second.py", "return third.VALUE", "return 2 * third.VALUE"),
        ("deep/third.py", "Box().side", "Box().side + 1"),
        ("deep/fourth.py", "SIDE = 3", "SIDE = 4"),
    ],
)
def test_what_is_reached_counts_at_any_depth(package: Package, name: str, old: str, new: str) -> None:
    assert package.changes(name, old, new)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("first.py", "UNUSED = 1", "UNUSED = 2"),
        ("deep/fourth.py", "VALUE = 4", "VALUE = 5"),
        ("progress.py", "return items", "return list(items)"),
        ("errors.py", "pass", "code = 1"),
        ("settings/stage.py", "epochs = 3", "epochs = 3; more = 1"),
        ("other.py", "9", "10"),
        ("deep/loop.py", "2 *", "3 *"),
    ],
)
def test_what_nothing_names_or_only_shows_or_is_a_setting_does_not_count(
    package: Package, name: str, old: str, new: str
) -> None:
    assert not package.changes(name, old, new)


def test_code_of_the_script_and_of_what_lies_beside_it_counts(package: Package) -> None:
    before = package.digest()
    package.script.write_text(SCRIPT.replace("print(VALUE", "print(VALUE + 1"))
    assert package.digest() != before
    package.script.write_text(SCRIPT)
    package.step.write_text(STEP.replace("return 2", "return 3"))
    assert package.digest() == before
    package.step.write_text(STEP.replace("return 1", "return 3"))
    assert package.digest() != before


def test_of_parts_to_choose_from_the_chosen_one_counts(package: Package) -> None:
    """A new part, or a change in a part that is not chosen, reruns nothing."""
    chosen = "wsss.refinement.a"
    before = package.digest(chosen)
    assert before != package.digest() != package.digest("wsss.refinement.b")
    package.write("refinement/b.py", "def run(): return 3\n")
    package.write("refinement/c.py", "def run(): return 4\n")
    assert package.digest(chosen) == before
    package.write("other.py", "VALUE = 10\n")
    assert package.digest(chosen) != before


def test_a_move_to_another_module_does_not_count(package: Package) -> None:
    before = package.digest()
    package.write("deep/fifth.py", CODE["deep/fourth.py"])
    package.write("deep/third.py", CODE["deep/third.py"].replace("fourth", "fifth"))
    assert package.digest() == before


def test_the_place_of_the_package_does_not_count(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = package.digest()
    assert len(before) == 12
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "elsewhere" / "wsss")
    assert Package(tmp_path / "elsewhere").digest() == before


def test_the_classifier_reaches_its_network_and_nothing_of_later_stages() -> None:
    found = reached_modules(SCRIPTS / "train_classifier.py")
    assert {"wsss.classification.classifier", "wsss.networks.backbones", "wsss.training.loop", "step"} <= found
    assert {"wsss.data.augmentation", "wsss.data.dataset"} <= found
    rooms = {name.split(".")[1] for name in found if "." in name}
    assert not rooms & {"segmentation", "refinement", "evaluation", "cams", "labelling", "plan", "settings"}
    assert not found & {
        "wsss.progress",
        "wsss.errors",
        "wsss.cli",
        "wsss.data.sources.voc12",
        "wsss.data.sources.synthetic.scenes",
    }


def parts_before(step: str) -> frozenset[str]:
    """The parts that the settings of a step's stage and of those above it choose."""
    folder = folders_of(RUN).get({"count_words": "classifier"}.get(step, step.partition("_")[2]), "")
    stages = [name.partition("-")[0] for name in folder.split("/")]
    settings = [settings_of(RUN, stage) for stage in stages if stage in STAGES]
    return frozenset().union(*(own.parts for own in settings if own is not None))


def digests(folder: Path) -> dict[str, str]:
    """The digest of each script, as a new process finds it."""
    forget()
    return {path.stem: code_digest(path, parts_before(path.stem)) for path in folder.glob("workflow_scripts/*.py")}


@pytest.fixture(scope="module")
def unchanged() -> dict[str, str]:
    return digests(PROJECT)


def changed_steps(
    module: str, old: str, new: str, folder: Path, unchanged: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> set[str]:
    """Steps of a run with the usual methods whose digest changes with a part of `module` replaced in a copy."""
    for name in ("wsss", "workflow_scripts"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", folder / "wsss")
    text = (folder / module).read_text()
    assert old in text
    (folder / module).write_text(text.replace(old, new, 1))
    after = digests(folder)
    return {name for name in unchanged if unchanged[name] != after[name]} - {"step"}


@pytest.mark.parametrize(
    ("module", "old", "new", "expected"),
    [
        (
            "wsss/segmentation/losses.py",
            "def segmentation_loss(",
            "@staticmethod\ndef segmentation_loss(",
            {"train_segmentation"},
        ),
        (
            "wsss/evaluation/scores.py",
            "def mean_iou(",
            "@staticmethod\ndef mean_iou(",
            {"collect_metrics", "compare", "write_report"},
        ),
        ("wsss/settings/training.py", "power: ", "more: int = 1\n    power: ", set()),
        ("wsss/files.py", "def write_csv(", "NUMBER = 1\n\n\ndef write_csv(", set()),
        ("wsss/progress.py", "def track(", "@staticmethod\ndef track(", set()),
        ("wsss/labelling/dense_crf.py", "SMALLEST_PROBABILITY = ", "SMALLEST_PROBABILITY = 2 * ", {"any"}),
        ("wsss/labelling/pamr.py", "SMALLEST_DEVIATION = ", "SMALLEST_DEVIATION = 2 * ", set()),
        (
            "wsss/refinement/irnet_walk.py",
            "def build(",
            "@staticmethod\ndef build(",
            {"make_pseudo_labels", "make_prediction_labels"},
        ),
        ("wsss/refinement/pamr_labels.py", "def build(", "@staticmethod\ndef build(", set()),
        ("workflow_scripts/step.py", "def loader_processes(", "@staticmethod\ndef loader_processes(", {"trainings"}),
    ],
)
def test_a_change_reaches_exactly_the_steps_that_name_it(
    module: str,
    old: str,
    new: str,
    expected: set[str],
    unchanged: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups = {
        "any": {"make_cam_crf", "make_confident_labels", "make_pseudo_labels", "make_prediction_labels"},
        # Labels of predictions lie below the pseudo labels, and choose a part of their own.
        "walk": {"make_pseudo_labels", "make_prediction_labels"},
        "trainings": {"train_classifier", "train_irnet", "train_segmentation"},
    }
    names = set().union(*(groups.get(name, {name}) for name in expected))
    assert changed_steps(module, old, new, tmp_path, unchanged, monkeypatch) == names


def what_runs(node: ast.stmt) -> str:
    """What a statement of the package's own file does; empty for its docstring."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return ""
        case ast.ImportFrom(module="typing"):
            return "import"
        case ast.If(test=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]) | ast.FunctionDef(name=name):
            return name
    return ast.unparse(node)


def test_all_imports_are_of_a_kind_that_is_followed() -> None:
    """By full name, `from module import name`; and packages hold no code, since importing a module runs them unseen.

    The package itself offers some names, which it loads when they are used.
    """
    files = [*sorted((PROJECT / "wsss").rglob("*.py")), *sorted(SCRIPTS.glob("*.py"))]
    for path in files:
        tree = ast.parse(path.read_text())
        if path == PROJECT / "wsss" / "__init__.py":
            found = [what_runs(node) for node in tree.body]
            assert found == ["", "import", "TYPE_CHECKING", "MODULES", "__all__", "__getattr__", "__dir__"]
        elif path.name == "__init__.py":
            assert all(isinstance(node, ast.Expr) for node in tree.body), path
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path
            assert not (isinstance(node, ast.Import) and any(one.name.startswith("wsss") for one in node.names)), path
            assert not (isinstance(node, ast.Name) and node.id == "__import__"), path
            text = ast.unparse(node) if isinstance(node, ast.Import | ast.ImportFrom) else ""
            loads = "importlib" in text and not text.startswith("from importlib.metadata import")
            assert not loads or path.relative_to(PROJECT) == Path("wsss/runtime/parts.py"), path


def test_hashes_follow_from_the_text_alone() -> None:
    assert short_hash("{}") == "44136f"
    assert short_hash('{"gamma": 1.0}') != short_hash('{"gamma": 2.0}')
    assert len({short_hash(str(number)) for number in range(300)}) == 300

"""docs/add-a-method.md does what it says: its code blocks, applied to a copy of the project, make a new objective."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "add-a-method.md").read_text()


def blocks(kind: str) -> list[tuple[str, str]]:
    """The page's code blocks of one kind that name a file in their first line: the file and the rest."""
    return re.findall(rf"^```{kind}\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def apply(change: str, file: Path) -> None:
    """Apply a block of a diff once: lines with - or a space are replaced by lines with + or a space."""
    lines = change.splitlines()
    before, after = ("\n".join(line[1:] for line in lines if not line.startswith(other)) for other in ("+", "-"))
    text = file.read_text()
    assert text.count(before) == 1, f"{file}: the page shows lines that are not there: {before}"
    file.write_text(text.replace(before, after))


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's code and tests after the page's steps."""
    project = tmp_path_factory.mktemp("project")
    for folder in ("wsss", "tests"):
        shutil.copytree(PROJECT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", project)
    for file, content in blocks("python"):
        assert not (project / file).exists()
        (project / file).write_text(content)
    for file, change in blocks("diff"):
        apply(change, project / file)
    return project


def run(project: Path, *arguments: str) -> str:
    ran = subprocess.run([sys.executable, "-m", *arguments], cwd=project, capture_output=True, text=True)
    return f"{ran.returncode}\n{ran.stdout}{ran.stderr}"


def test_the_page_adds_one_file_of_code_and_one_line_of_a_union() -> None:
    assert [file for file, _ in blocks("python")] == ["wsss/classification/second_head.py"]
    changes = dict(blocks("diff"))
    assert set(changes) == {"wsss/settings/objectives.py"}
    removed = [line for change in changes.values() for line in change.splitlines() if line.startswith("-")]
    assert len(removed) == 1
    assert removed[0].startswith("-ObjectiveSettings = ")


def test_the_contract_test_finds_the_new_part_and_passes(changed: Path) -> None:
    (command,) = re.findall(r"^```bash\npython -m (.*)\n```$", PAGE, re.MULTILINE)
    told = run(changed, *command.split(), "-v", "-n0", "-p", "no:cacheprovider")
    assert told.startswith("0\n"), told
    passed = re.findall(r"::(\w+)\[second_head\S*\] PASSED", told)
    assert {"test_gradients_arrive_at_every_parameter", "test_weights_saved_and_loaded_give_the_same_losses"} <= set(
        passed
    )


def test_the_contract_test_refuses_a_part_that_breaks_it(changed: Path, tmp_path: Path) -> None:
    """Without it the test above could not fail: the head no longer learns."""
    broken = tmp_path / "broken"
    shutil.copytree(changed, broken, ignore=shutil.ignore_patterns("__pycache__"))
    file = broken / "wsss" / "classification" / "second_head.py"
    apply("-        scores = self.head(\n+        scores = self.head.requires_grad_(False)(", file)
    told = run(
        broken, "pytest", "tests/classification/test_contract.py", "-k", "second_head", "-n0", "-p", "no:cacheprovider"
    )
    assert told.startswith("1\n"), told
    assert "test_gradients_arrive_at_every_parameter" in told


def test_files_that_the_page_names_are_there() -> None:
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert len(links) > 8
    assert [link for link in links if not (PROJECT / "docs" / link).is_file()] == []

"""Files for those who come after: they parse, agree with one another, and name what there is."""

import re
import tomllib
from datetime import date
from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT

PAPERS = {
    "Learning Visual Words for Weakly-Supervised Semantic Segmentation": (2021, ["Ru", "Du", "Wu"]),
    "Weakly-Supervised Semantic Segmentation with Visual Words Learning and Hybrid Pooling": (
        2022,
        ["Ru", "Du", "Zhan", "Wu"],
    ),
}
PARTS_OF_A_RELEASE = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def text(name: str) -> str:
    return (PROJECT / name).read_text()


def read_yaml(name: str) -> dict[Any, Any]:
    content = yaml.safe_load(text(name))
    assert isinstance(content, dict)
    return content


def metadata() -> dict[str, Any]:
    return dict(tomllib.loads(text("pyproject.toml"))["project"])


def recipe(target: str) -> list[str]:
    """Commands of a target of the Makefile, without what only quiets them."""
    found = re.search(rf"^{target}:.*\n((?:\t.+\n)+)", text("Makefile"), re.MULTILINE)
    assert found, target
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in found[1].splitlines()]
    return [command.removesuffix(" > /dev/null") for command in commands]


def test_the_checks_of_ci_are_tests_and_linters() -> None:
    commands = [line for line in text(".ci/run").splitlines() if line.startswith("make ")]
    assert commands == ["make test", "make lint"]
    assert (PROJECT / ".ci" / "run").stat().st_mode & 0o100
    assert recipe("test") == [".venv/bin/python -m pytest"]
    assert len(recipe("lint")) == 5


def test_clean_removes_both_environments_and_git_sees_neither() -> None:
    (made,) = re.findall(r"^test: (.+)$", text("Makefile"), re.MULTILINE)
    assert made.split() == [".venv/installed", ".venv/readers/installed"]
    assert ".venv" in recipe("clean")[0].split()
    assert ".venv/" in text(".gitignore").splitlines()


def test_hooks_run_what_make_lint_runs() -> None:
    (local,) = read_yaml(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    assert [hook["entry"] for hook in local["hooks"]] == recipe("lint")
    for hook in local["hooks"]:
        assert (hook["language"], hook["pass_filenames"]) == ("system", False)
    assert len({hook["id"] for hook in local["hooks"]}) == len(local["hooks"])


def test_the_workflow_on_github_calls_what_one_calls_oneself() -> None:
    workflow = read_yaml(".github/workflows/ci.yml")
    # YAML 1.1 reads the key `on` as true.
    assert set(workflow[True]) == {"push", "pull_request"}
    (job,) = workflow["jobs"].values()
    checkout, python, command = job["steps"]
    assert checkout["uses"].startswith("actions/checkout@")
    assert python["uses"].startswith("actions/setup-python@")
    assert metadata()["requires-python"].startswith(f">={python['with']['python-version']}.")
    assert command == {"run": ".ci/run"}


def test_the_citation_names_both_papers() -> None:
    citation = read_yaml("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    assert (citation["title"], citation["version"]) == (metadata()["name"], metadata()["version"])
    found = {
        reference["title"]: (reference["year"], [author["family-names"] for author in reference["authors"]])
        for reference in citation["references"]
    }
    assert found == PAPERS
    assert all({"type", "title", "authors"} <= reference.keys() for reference in citation["references"])


def test_titles_are_those_on_the_papers() -> None:
    folder = PROJECT.parent / "shared" / "papers"
    if not folder.is_dir():
        pytest.skip("no papers beside the project")
    first_pages = [" ".join(file.read_text()[:2000].split()) for file in sorted(folder.glob("vw*.txt"))]
    assert len(first_pages) == 2
    for title in PAPERS:
        assert sum(title in page for page in first_pages) == 1


def test_the_licence_is_the_same_everywhere() -> None:
    assert text("LICENSE").splitlines()[0] == "MIT License"
    assert "Copyright (c) 2026 wsss authors" in text("LICENSE")
    assert metadata()["license"] == read_yaml("CITATION.cff")["license"] == "MIT"
    assert metadata()["license-files"] == ["LICENSE"]
    # A licence is told by its expression, not by a classifier beside it.
    assert not [name for name in metadata()["classifiers"] if name.startswith("License ::")]


def test_the_catalog_is_told_how_the_workflow_is_run() -> None:
    usage = read_yaml(".snakemake-workflow-catalog.yml")["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    deployment = usage["software-stack-deployment"]
    assert deployment["conda"] is True
    rules = "".join(file.read_text() for file in sorted((PROJECT / "rules").glob("*.smk")))
    assert rules.count("    conda:\n") == len(re.findall(r"^rule \w+:", rules, re.MULTILINE))
    assert deployment["apptainer"] == ("container:" in rules)
    assert usage["report"] == ("report(" in rules)


def test_the_changelog_keeps_its_form() -> None:
    releases = re.findall(r"^## \[(.+?)\](?: - (.+))?$", text("CHANGELOG.md"), re.MULTILINE)
    assert releases[0] == ("Unreleased", "")
    assert metadata()["version"] in [name for name, _ in releases]
    for _, day in releases:
        assert not day or date.fromisoformat(day)
    parts = re.findall(r"^### (.+)$", text("CHANGELOG.md"), re.MULTILINE)
    assert parts
    assert set(parts) <= PARTS_OF_A_RELEASE


def test_contributing_is_short_and_names_every_room() -> None:
    page = text("CONTRIBUTING.md")
    assert len(page.splitlines()) <= 100
    named = set(re.findall(r"`wsss/(\w+)/`", page))
    assert named == {path.parent.name for path in (PROJECT / "wsss").glob("*/__init__.py")}
    places = set(re.findall(r"`((?:wsss|tests|rules|configs|docs)/[\w./-]*|\w+\.yaml|Snakefile)`", page))
    assert [place for place in sorted(places) if not (PROJECT / place).exists()] == []
    for target in re.findall(r"^make (\w+)", page, re.MULTILINE):
        assert recipe(target)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(page: str) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text(page)) if "://" not in link]
    assert links
    assert [link for link in links if not (PROJECT / link).exists()] == []

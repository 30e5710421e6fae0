"""What people read first: its length, its picture, its links, its commands, and the answer on top of each page."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import PROJECT
from wsss.cli import app
from wsss.plan.pages import targets
from wsss.plan.plan import Plan
from wsss.settings.config import read_config

README = PROJECT / "README.md"
PAGES = [README, *sorted((PROJECT / "docs").glob("*.md"))]
EVIDENCE = ["results", "recovery", "ablation", "words", "performance", "performance_gpu", "decisions"]
WIDTH = 120
WITH_A_VALUE = ("--cores", "--set-resources", "--resources", "--workflow-profile", "--directory", "-R")
WITH_A_VALUE += ("--sdm", "--report", "--rulegraph", "--dag")


def names(pages: list[Path]) -> list[str]:
    return [page.name for page in pages]


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def paragraphs(text: str) -> Iterator[list[str]]:
    """Lines of each paragraph and each item of a list; no headings, pictures, tables or code."""
    for block in re.split(r"\n\s*\n|\n(?= *- )", without_code(text).strip()):
        lines = block.strip("\n").splitlines()
        if lines and not lines[0].startswith(("#", "!", "|")):
            yield lines


def anchors(text: str) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", without_code(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(page: Path) -> list[str]:
    """Links to files that are not there, or to headings that their page lacks; links to the web are not followed."""
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        file = page.parent / name if name else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            found.append(link)
    return found


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command that a page names, in blocks of code and within sentences."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", without_code(text))
    for line in lines + spans:
        if line.startswith(("make ", "snakemake ", "wsss ")):
            yield shlex.split(line.partition("|")[0], comments=True)


def own_targets(text: str) -> set[str]:
    """Names of the runs and comparisons that the configs of a page have."""
    blocks = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]
    mappings = [block for block in blocks if isinstance(block, dict)]
    return {name for block in mappings for key in ("runs", "comparisons") for name in block.get(key, ())}


def is_placeholder(word: str) -> bool:
    return word.isupper() or bool(re.search("[<…]", word))


def unknown_words(command: list[str]) -> list[str]:
    """What a command names that there is not: a target, a config, a subcommand."""
    program, *words = command
    if program == "make":
        known = set(re.findall(r"^(\w+):", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE))
        return [word for word in words if "=" not in word and word not in known]
    if program == "wsss":
        known = {one.name or getattr(one.callback, "__name__", "") for one in app.registered_commands}
        return [word for word in words[:1] if word not in known]
    return unknown_words_of_snakemake(words)


def unknown_words_of_snakemake(words: list[str]) -> list[str]:
    files, wanted, option = [], [], ""
    for word in words:
        if word.startswith("-"):
            option = word
        elif option == "--configfile":
            files.append(word)
        elif option in WITH_A_VALUE:
            option = ""
        elif not is_placeholder(word):
            wanted.append(word)
    # A file without a folder is the reader's own.
    files = [file for file in files if not is_placeholder(file) and "/" in file] or ["config.yaml"]
    if missing := [file for file in files if not (PROJECT / file).is_file()]:
        return missing
    config = read_config(yaml.safe_load((PROJECT / files[0]).read_text()))
    known = {"report", *targets(Plan(config, PROJECT / "workflow_scripts"))}
    return [word for word in wanted if word not in known]


def test_the_readme_is_short() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= 150
    assert not [block for block in paragraphs(text) if len(block) > 4]
    assert not [line for block in paragraphs(text) for line in block if len(line) > WIDTH]


def test_the_first_screen_shows_a_result_and_the_command_that_makes_one() -> None:
    screen = "\n".join(README.read_text().splitlines()[:25])
    label, file = re.findall(r"!\[(.+?)\]\((.+?)\)", screen)[0]
    assert label
    assert (PROJECT / file).stat().st_size < 150_000
    assert screen.index("make demo") < screen.index(file)
    assert "`config.yaml`" in screen.split(file)[1], "the picture says which config made it"


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_lead_to_what_is_there(page: Path) -> None:
    assert not broken_links(page)


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_commands_name_what_is_there(page: Path) -> None:
    text = page.read_text()
    found = [word for command in commands(text) for word in unknown_words(command)]
    assert not [word for word in found if word not in own_targets(text)]


@pytest.mark.parametrize("name", EVIDENCE)
def test_a_page_of_evidence_begins_with_its_answer(name: str) -> None:
    first, *_ = paragraphs((PROJECT / "docs" / f"{name}.md").read_text())
    assert first[0].startswith("**")
    assert len(first) <= 3
    assert max(map(len, first)) <= WIDTH


def test_growth_begins_with_its_answer() -> None:
    growth = (PROJECT / "docs" / "performance.md").read_text().split("## How cost grows\n")[1]
    assert next(paragraphs(growth))[0].startswith("**")


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One title\n\n[a](page.md#one-title) [b](gone.md) [c](#another)\n\n- x\n  y\n- z\n")
    assert broken_links(page) == ["gone.md", "#another"]
    assert [len(block) for block in paragraphs(page.read_text())] == [1, 2, 1]
    text = "`snakemake gone`, `make demo`\n\n```\nsnakemake cams --configfile configs/gone.yaml  # it\nwsss gone\n```\n"
    assert [unknown_words(command) for command in commands(text)] == [["configs/gone.yaml"], ["gone"], ["gone"], []]

"""Another workflow that uses this one as a module below a prefix, and Snakemake's own report of the results."""

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from tests.workflow.conftest import PROJECT, TINY, Outcome, Workplace, environment, jobs_of, warm_python
from tests.workflow.forks import run_snakemake
from wsss.data.run_artifacts import stage_folder

COMPARISONS = {"pooled": {"stage": "cam", "seeds": [0], "rows": {"words": {}}}}
RULES = """
configfile: "config.yaml"


module wsss:
    snakefile:
        {snakefile!r}
    config:
        config["wsss"]
    prefix:
        "seg"


use rule * from wsss as wsss_*


use rule make_cam_curve from wsss as wsss_make_cam_curve with:
    threads: 2


# Rules of another workflow may have the names of this one's.
rule cams:
    default_target: True
    input:
        rules.wsss_pseudo_labels.input,
    output:
        "counted.txt",
    shell:
        "awk 'FNR > 1 && $1 != \\"total\\"' {{input}} | wc -l > {{output}}"


onsuccess:
    wsss.show()
"""


class Outer:
    """Another workflow in its folder, whose module is the project of a workplace."""

    def __init__(self, folder: Path, project: Path, **changes: Any) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "Snakefile").write_text(RULES.format(snakefile=str(project / "Snakefile")))
        config = yaml.safe_load(TINY.read_text()) | changes
        (folder / "config.yaml").write_text(yaml.safe_dump({"wsss": config, "locations": {"dataset": "others"}}))

    def snakemake(self, *arguments: str) -> Outcome:
        """Run `snakemake <arguments>` in its folder."""
        output = self.folder / "output.txt"
        command = [*arguments, "--cores", "2", "--rerun-triggers", "mtime", "params"]
        code = run_snakemake(command, self.folder, environment(), output, warm_python())
        return Outcome(code, output.read_text())

    def planned(self, *targets: str) -> Counter[str]:
        """Its rules that a dry-run lists, and those of the module without what is put before their names."""
        found = self.snakemake("-n", *targets)
        assert found.code == 0, found.output
        return Counter({name.removeprefix("wsss_"): count for name, count in jobs_of(found.output).items()})


def test_another_workflow_plans_this_one_below_its_prefix(workplace: Workplace, tmp_path: Path) -> None:
    outer = Outer(tmp_path / "outer", workplace.project)
    assert outer.planned("wsss_report") == workplace.planned()
    # A plain `snakemake` makes what the other workflow says.
    assert outer.planned() == workplace.planned("pseudo_labels") - Counter(pseudo_labels=1) + Counter(cams=1)
    made = outer.snakemake("--until", "wsss_generate_synthetic", "wsss_make_backbone")
    assert made.code == 0, made.output
    assert {path.name for path in outer.folder.iterdir() if path.is_dir()} == {".snakemake", "seg"}
    assert {path.name.partition("-")[0] for path in (outer.folder / "seg/results").iterdir()} == {"backbone", "data"}
    assert len(list((outer.folder / "seg/logs").glob("*/*.log"))) == 2


def test_results_below_a_prefix_are_used_compared_and_reported(finished: Workplace, tmp_path: Path) -> None:
    outer = Outer(tmp_path / "outer", finished.project, comparisons=COMPARISONS)
    results = outer.folder / "seg/results"
    shutil.copytree(finished.work / "results", results, symlinks=True)
    (results / "runs/default").unlink()
    assert outer.planned("wsss_report") == Counter()
    made = outer.snakemake("cams", "wsss_pooled")
    assert made.code == 0, made.output
    assert jobs_of(made.output) == Counter(cams=1, wsss_compare=1, wsss_pooled=1)
    assert (outer.folder / "counted.txt").read_text().split() == ["16"]
    # The folders that users see are linked at the end.
    assert (results / "comparisons/pooled/table.csv").is_file()
    assert stage_folder(results / "runs/default", "data").parent.resolve() == results
    assert not (outer.folder / "results").exists()
    check_report(outer, results)
    assert outer.planned("cams", "wsss_report", "wsss_pooled") == Counter()


def check_report(outer: Outer, results: Path) -> None:
    """Snakemake's report holds every table, page and figure, each with its caption."""
    told = outer.snakemake("cams", "wsss_report", "wsss_pooled", "--report", "out.zip")
    assert told.code == 0, told.output
    shown = [results / "runs/default" / name for name in ("report.html", "metrics.csv")]
    shown += [*(results / "runs/default").glob("panels_*.png")]
    shown += [results / "comparisons/pooled" / name for name in ("table.csv", "plot.png")]
    with ZipFile(outer.folder / "out.zip") as file:
        kept = {Path(name).name: file.read(name) for name in file.namelist() if "/data/" in name}
        page = file.read("out/report.html").decode()
    assert kept == {path.name: path.read_bytes() for path in shown}
    assert len(kept) == 6
    for caption in ("Scores of the run", "The page of the run", "spread evenly over the list", "mIoU of each row"):
        assert caption in page
    assert {*re.findall(r'"content": "([^"]+)"', page)} == {
        "images of train",
        "images of val",
        "page",
        "plot",
        "scores",
        "table",
    }


def test_places_of_a_module_count_from_the_working_directory(workplace: Workplace, tmp_path: Path) -> None:
    data = {"kind": "images", "name": "farm", "labels": "folders"}
    outer = Outer(tmp_path / "outer", workplace.project, data=data, locations={"dataset": "photographs"})
    refused = outer.snakemake("--until", "wsss_prepare_images")
    assert refused.code != 0
    assert "error: no folder of photographs at photographs: set locations.dataset" in refused.output


@pytest.mark.parametrize("module", ["", 'config: config["other"]'])
def test_a_module_without_a_config_is_told(workplace: Workplace, tmp_path: Path, module: str) -> None:
    outer = Outer(tmp_path / "outer", workplace.project)
    rules = (outer.folder / "Snakefile").read_text()
    (outer.folder / "Snakefile").write_text(re.sub(r"config:\n +config\[.*\]", module, rules))
    (outer.folder / "config.yaml").write_text("other: {}\n")
    refused = outer.snakemake("-n")
    assert refused.code != 0
    assert "error: no config was read" in refused.output
    assert "Traceback" not in refused.output


def test_a_run_cannot_have_the_name_of_a_rule_or_a_target(workplace: Workplace) -> None:
    for name, told in (("compare", "a rule is called compare"), ("cams", "another target is called cams")):
        refused = workplace.snakemake("-n", config=workplace.write_config({"runs": {name: {}}}))
        assert refused.code != 0
        assert f"error: config: {told}; choose another name" in refused.output
        assert "Traceback" not in refused.output


def test_every_caption_is_used_once_and_there() -> None:
    rules = "".join(file.read_text() for file in (PROJECT / "rules").glob("*.smk"))
    named = re.findall(r'caption="captions/(\w+)\.rst"', rules)
    files = {path.stem for path in (PROJECT / "rules/captions").iterdir()}
    assert sorted(named) == sorted(files - {"workflow"})
    assert 'report: "rules/captions/workflow.rst"' in (PROJECT / "Snakefile").read_text()

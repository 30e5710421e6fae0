"""The package's import graph: arrows point down the pipeline, stages know each other by their artifacts, no circles."""

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import PROJECT

PACKAGE = PROJECT / "wsss"
TOP = "the top"
COMMANDS = "commands"
# Each room knows only those before it.
ROOMS = [
    TOP,
    "settings",
    "runtime",
    "manifests",
    "data",
    "stores",
    "plan",
    "preflight",
    "networks",
    "training",
    "labelling",
    "classification",
    "cams",
    "refinement",
    "segmentation",
    "evaluation",
    "reporting",
    COMMANDS,
]
# The command `wsss` itself stands at the top. What it runs is in the last room, which may know every stage.
COMMAND = "cli"
# These know each other by their artifacts alone. CAMs are made with the classifier's network.
STAGES = [{"classification", "cams"}, {"refinement"}, {"segmentation"}, {"evaluation", "reporting"}]
SETTINGS_KNOW = {"wsss.errors"}


@cache
def modules() -> dict[str, Path]:
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if not path.name.startswith("__")]
    return {".".join(path.relative_to(PROJECT).with_suffix("").parts): path for path in paths}


@cache
def imports(module: str) -> frozenset[str]:
    """Full names that a module imports, those inside functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(modules()[module].read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def graph() -> dict[str, set[str]]:
    return {module: {name for name in imports(module) if name in modules()} for module in modules()}


def room(module: str) -> str:
    part, *inside = module.split(".")[1:]
    if inside:
        return part
    return COMMANDS if part == COMMAND else TOP


def arrows() -> set[tuple[str, str]]:
    return {(module, name) for module, names in graph().items() for name in names}


def test_the_graph_is_that_of_the_package() -> None:
    assert len(graph()) > 50
    assert graph()["wsss.classification.training"] >= {"wsss.classification.classifier", "wsss.training.loop"}
    assert {room(module) for module in graph()} == set(ROOMS)


def test_at_the_top_stand_at_most_four_modules() -> None:
    assert len([module for module in modules() if module.count(".") == 1]) <= 4


def test_a_room_knows_only_those_before_it() -> None:
    order = {name: number for number, name in enumerate(ROOMS)}
    wrong = [f"{module} -> {name}" for module, name in arrows() if order[room(name)] > order[room(module)]]
    assert wrong == []


def test_stages_know_each_other_by_their_artifacts_alone() -> None:
    stage_of = {name: number for number, names in enumerate(STAGES) for name in names}
    wrong = [
        f"{module} -> {name}"
        for module, name in arrows()
        if {room(module), room(name)} <= stage_of.keys() and stage_of[room(module)] != stage_of[room(name)]
    ]
    assert wrong == []


def test_snakemakes_own_environment_can_plan() -> None:
    """With --sdm conda, only the jobs run in an environment that has more."""
    code = """
import re, sys, importlib.metadata as metadata
import wsss.plan.moved, wsss.plan.pages, wsss.plan.plan, wsss.settings.config, wsss.settings.places
def plain(name): return re.sub("[-_.]+", "-", name).lower()
waiting, known = ["snakemake"], {"wsss"}
while waiting:
    name = plain(waiting.pop())
    if name not in known and (known.add(name) is None):
        try: needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError: continue
        waiting += [re.match("[\\w.-]+", one)[0] for one in needed if "extra ==" not in one]
of = metadata.packages_distributions()
loaded = {name.partition(".")[0] for name in sys.modules if name[0] != "_"} & of.keys()
print(*sorted(name for name in loaded if not known & set(map(plain, of[name]))))
print(len(known), *sorted(loaded))
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    missing, loaded = ran.stdout.splitlines()
    assert missing == ""
    assert {"pydantic", "wsss"} <= set(loaded.split())


def test_the_plan_enters_no_digest() -> None:
    """Nothing that makes an artifact knows how the work is planned."""
    assert [
        f"{a} -> {b}" for a, b in arrows() if room(b) == "plan" and room(a) not in ("plan", "preflight", COMMANDS)
    ] == []


def test_settings_know_only_settings() -> None:
    for module, names in graph().items():
        if module.startswith("wsss.settings."):
            assert {name for name in names if not name.startswith("wsss.settings.")} <= SETTINGS_KNOW, module


def test_there_is_no_circle() -> None:
    assert len(list(TopologicalSorter(graph()).static_order())) == len(modules())


@pytest.mark.parametrize("name", ["snakemake", "pickle", "joblib"])
def test_nothing_imports(name: str) -> None:
    assert [module for module in modules() if any(found.split(".")[0] == name for found in imports(module))] == []


def loaded(modules_to_load: str, watched: set[str]) -> set[str]:
    """Which of the watched packages a fresh interpreter holds after these imports."""
    code = f"import sys, {modules_to_load}; print(*({watched!r} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_planning_loads_nothing_heavy() -> None:
    """The workflow is planned with the settings and the provenance alone, in half a second."""
    heavy = {"torch", "torchvision", "pandas", "matplotlib", "scipy", "zarr", "numpy", "numba"}
    assert loaded("wsss.settings.run, wsss.plan.pages, wsss.plan.moved, wsss.preflight.start", heavy) == set()


def test_masks_of_one_photograph_need_few_packages() -> None:
    """A user waits for the start. numba and zarr alone take a second."""
    slow = {"numba", "zarr", "scipy", "pandas", "matplotlib", "torchvision", "timm", "torch._dynamo"}
    assert loaded("wsss.cli, wsss.commands.segment", slow) == set()


@pytest.mark.parametrize(
    "module",
    [
        "wsss.commands.init.command",
        "wsss.commands.check",
        "wsss.preflight.check",
        "wsss.data.sources.synthetic.scenes",
        "wsss.refinement.confident_labels",
        "wsss.refinement.pseudo_labels",
        "wsss.refinement.crf_labels",
        "wsss.refinement.plain_labels",
        "wsss.refinement.object_masks.merged_labels",
        "wsss.refinement.label_files",
        "wsss.evaluation.cam_crf",
        "wsss.segmentation.prediction_labels",
        "wsss.evaluation.cam_curve",
        "wsss.evaluation.scores",
        "wsss.reporting.panels",
        "wsss.reporting.run_report",
    ],
)
def test_a_step_without_a_network_starts_without_torch(module: str) -> None:
    """Its import takes seconds, as long as many a shard. So does a command that only looks."""
    assert loaded(module, {"torch"}) == set()


# torch's operators that are not documented, and the attribute by which an object's class is changed.
PRIVATE_OF_TORCH = re.compile(
    r"\btorch\.(?:_\w|(?:\w+\.)+_[a-z]|ops\.(?:mkldnn|aten|onednn)\b|(?:mkldnn|cudnn|miopen)_convolution\w*)"
)
CLASS_CHANGED = re.compile(r"__class__\s*(?::\s*\w+\s*)?=(?!=)|setattr\([^)]*__class__")


@pytest.mark.parametrize(
    ("line", "private"),
    [
        ("torch.ops.mkldnn._convolution_pointwise(x)", True),
        ("torch.cpu._is_amx_tile_supported()", True),
        ("torch.cudnn_convolution_relu(x)", True),
        ("torch.mkldnn_convolution(x)", True),
        ("torch._dynamo.reset()", True),
        ("torch.backends.mkldnn.is_available()", False),
        ("torch.nn.functional.conv2d(x)", False),
        ("torch.backends.cudnn.deterministic = True", False),
    ],
)
def test_private_operators_are_told_from_others(line: str, private: bool) -> None:
    assert bool(PRIVATE_OF_TORCH.search(line)) == private


def test_torchs_private_operators_stay_in_one_room() -> None:
    users = {module for module, path in modules().items() if PRIVATE_OF_TORCH.search(path.read_text())}
    assert users == {"wsss.networks.inference.convolutions"}


def test_no_object_changes_its_class() -> None:
    files = [path for folder in ("wsss", "benchmarks", "workflow_scripts") for path in (PROJECT / folder).rglob("*.py")]
    assert [path for path in files if CLASS_CHANGED.search(path.read_text())] == []

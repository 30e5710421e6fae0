"""Write docs/api.md from the signatures and docstrings of the public functions and classes.

The sources are parsed, not imported: the page is the same on every machine and for every version of Python.

python docs/write_api.py
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from numpydoc.docscrape import NumpyDocString

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "wsss"
PAGE = PROJECT / "docs" / "api.md"
# The public names by room, each below `wsss`. A new one joins its room here.
PUBLIC: dict[str, tuple[str, ...]] = {
    "Data": (
        "data.dataset.Dataset",
        "data.run_artifacts.stage_folder",
        "data.preparation.prepare",
        "data.sources.coco.list_coco",
        "data.sources.coco14.list_coco14",
        "data.sources.coco14.unpack_coco14",
        "data.sources.coco_file.Instances",
        "data.sources.coco_file.read_instances",
        "data.sources.coco_masks.paint_masks",
        "data.images.read_image",
        "data.images.read_labels",
        "data.images.write_labels",
        "data.augmentation.to_tensor",
        "data.augmentation.augmented_pair",
    ),
    "Stores": (
        "stores.cam_store.CamStore",
        "stores.score_store.ScoreStore",
        "manifests.rows.ManifestRow",
        "manifests.rows.write_manifest",
        "manifests.rows.read_manifest",
        "manifests.rows.damaged_rows",
    ),
    "Networks": (
        "networks.backbones.Backbone",
        "networks.backbones.backbone_of",
        "networks.initial_weights.write_initial_weights",
        "networks.inference.network.inference_backbone",
        "commands.import_weights.import_weights",
    ),
    "Training": ("training.loop.Plan", "training.loop.Machine", "training.loop.train"),
    "Classification": (
        "classification.classifier.Classifier",
        "classification.classifier.load_classifier",
        "classification.training.train_classifier",
        "classification.objective.Objective",
        "classification.objective.Step",
        "classification.hybrid_pooling.global_average",
        "classification.hybrid_pooling.global_maximum",
        "classification.hybrid_pooling.maxima_of_whole_cells",
        "classification.hybrid_pooling.maxima_of_grid",
        "classification.hybrid_pooling.hybrid_pooling",
        "classification.visual_words.similarity",
        "classification.visual_words.word_probabilities",
        "classification.visual_words.word_labels",
        "classification.visual_words.words_present",
        "classification.visual_words.frequency_sums",
        "classification.visual_words.frequency_means",
        "classification.visual_words.decov_of_norms",
        "classification.visual_words.decov_of_squares",
        "classification.learnt_words.LearntWords",
        "classification.banked_words.BankedWords",
        "classification.memory_bank.damped_means",
        "classification.memory_bank.plain_means",
        "classification.memory_bank.MemoryBank",
        "classification.formulations.Formulation",
        "classification.recam.Recam",
        "classification.recam.normalised_maps",
        "classification.recam.class_features",
        "classification.recam.softmax_loss",
    ),
    "CAMs": (
        "cams.method.CamMethod",
        "cams.methods.cam_method",
        "cams.plain.class_maps",
        "cams.image_and_words.joined_activations",
        "cams.shards.write_cam_shard",
        "cams.files.check.check_cam_files",
        "cams.files.shards.write_cam_file_shard",
    ),
    "Labelling": (
        "labelling.smoothing.Smoother",
        "labelling.smoothing.smoother_of",
        "labelling.dense_crf.DenseCrf",
        "labelling.pamr.pamr",
        "labelling.pamr.Pamr",
        "labelling.label_maps.strongest",
        "labelling.label_maps.sure_labels",
    ),
    "Refinement": (
        "refinement.method.Refinement",
        "refinement.methods.refinement_of",
        "refinement.method.Trainings",
        "refinement.method.IrnetTraining",
        "refinement.confident_labels.confident_labels",
        "refinement.irnet.network.EdgeNetwork",
        "refinement.irnet.network.edges_of_image",
        "refinement.irnet.affinity.AffinityLosses",
        "refinement.irnet.affinity.affinity_loss",
        "refinement.irnet.displacement.displacement_loss",
        "refinement.irnet.training.train_irnet",
        "refinement.random_walk.random_walk",
        "refinement.random_walk.pseudo_label",
        "refinement.object_masks.merging.ObjectMasks",
        "refinement.object_masks.merging.merge",
        "refinement.object_masks.files.read_object_masks",
        "refinement.object_masks.merged_labels.check_object_masks",
        "refinement.label_files.check_label_files",
        "refinement.label_files.write_label_file_shard",
    ),
    "Segmentation": (
        "segmentation.deeplab.DeepLabV2",
        "segmentation.deeplab.fused_logits",
        "segmentation.losses.segmentation_loss",
        "segmentation.training.train_segmentation",
        "segmentation.prediction.Scorer",
        "segmentation.model.write_model",
        "segmentation.model.read_model",
    ),
    "Evaluation": (
        "evaluation.scores.confusion_matrix",
        "evaluation.scores.iou_per_class",
        "evaluation.scores.mean_iou",
        "evaluation.scores.pixel_accuracy",
        "evaluation.scores.score_labels",
        "evaluation.thresholds.threshold_matrices",
        "evaluation.thresholds.threshold_curve",
        "evaluation.thresholds.best",
        "evaluation.cam_curve.score_cams",
        "evaluation.cam_crf.cam_crf_labels",
        "evaluation.collect.collect",
        "evaluation.comparison.compare",
    ),
    "Models in use": (
        "commands.segmenter.load_segmenter",
        "commands.segmenter.Segmenter",
        "commands.segmenter.Segmented",
        "commands.evaluate.evaluate",
        "commands.evaluate.Evaluation",
    ),
    "Plan": ("plan.stages.Stage", "plan.plan.Plan"),
    "Config": ("settings.config.read_config", "settings.base.Settings"),
    "Errors": ("errors.WsssError",),
}
PAPERS = {
    "VWL": "Ru, Du, Zhan, Wu: Weakly-Supervised Semantic Segmentation with Visual Words Learning and Hybrid Pooling, "
    "IJCV 2022",
    "VWE": "Ru, Du, Wu: Learning Visual Words for Weakly-Supervised Semantic Segmentation, IJCAI 2021",
}
INTRODUCTION = """# Public functions and classes

**What `import wsss` offers is in the first table, an equation in the second, a setting in the last tables.**
**Each entry gives signature, parameters (shape, dtype, range), what is returned and raised, and references.**
**`python docs/write_api.py` writes this page from the docstrings; a test fails where it is out of date.**

Names stand below `wsss`: `data.images.read_image` needs `from wsss.data.images import read_image`. Those of the first
table are there after `import wsss`. They take a path as str or Path. A wrong path, image id, shape or dtype ends in a
`WsssError` of one line, and a wrong setting in pydantic's `ValidationError`, which names it. Sizes are
(height, width). In shapes, n is the number of classes without the background, k that of visual words, d that of the
features' channels, (h, w) the grid of the features and (H, W) the image.
"""
EQUATION = re.compile(rf"({'|'.join(PAPERS)}) eq\. (\d+)")
PROPERTIES = {"property", "cached_property"}
WIDTH = 100
Definition = ast.FunctionDef | ast.ClassDef


class Entry(NamedTuple):
    """A public function, class or method: what a heading calls it, where it is, and its docstring's sections."""

    title: str
    file: Path
    node: Definition
    text: NumpyDocString

    @property
    def summary(self) -> str:
        """The first sentence of the docstring."""
        return " ".join(self.text["Summary"])


def main() -> None:
    PAGE.write_text(page())


def page() -> str:
    """The content of docs/api.md."""
    rooms = {room: [entry(name) for name in names] for room, names in PUBLIC.items()}
    every = [one for entries in rooms.values() for own in entries for one in (own, *methods(own))]
    parts = [INTRODUCTION, offered([own for entries in rooms.values() for own in entries]), equations(every)]
    parts += [overview(rooms)]
    parts += [f"## {room}\n\n" + "\n".join(map(described, entries)) for room, entries in rooms.items()]
    return "\n".join([*parts, settings()])


def entry(name: str) -> Entry:
    """The public name's entry."""
    module, _, own = name.rpartition(".")
    file = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    node = next(one for one in parsed(file).body if isinstance(one, Definition) and one.name == own)
    return Entry(name, file, node, sections(node))


def methods(own: Entry) -> list[Entry]:
    """The public methods of a class that have a docstring; none of a function."""
    if isinstance(own.node, ast.FunctionDef):
        return []
    nodes = [one for one in public_functions(own.node) if not is_property(one) and ast.get_docstring(one)]
    return [Entry(f"{own.node.name}.{node.name}", own.file, node, sections(node)) for node in nodes]


def public_functions(node: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    """The methods and properties of a class whose names have no underscore in front."""
    return (one for one in node.body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_"))


def is_property(node: ast.FunctionDef) -> bool:
    """Whether a method is read as an attribute."""
    return any(isinstance(one, ast.Name) and one.id in PROPERTIES for one in node.decorator_list)


@cache
def parsed(file: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(file.read_text())


def sections(node: Definition) -> NumpyDocString:
    """The sections of a docstring."""
    return NumpyDocString(ast.get_docstring(node) or "")


def offered(entries: list[Entry]) -> str:
    """The table of what `import wsss` offers."""
    (modules,) = (
        ast.literal_eval(one.value)
        for one in parsed(PACKAGE / "__init__.py").body
        if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "MODULES"
    )
    own = {one.title: one for one in entries}
    rows = []
    for name, module in modules.items():
        one = own.get(f"{module}.{name}") or entry(f"{module}.{name}")
        # Classes of settings stand in the last tables.
        place = heading(one) if one.title in own else one.title
        rows.append(f"| [`wsss.{name}`](#{anchor(place)}) | {in_table(escaped(one.summary))} |")
    return "\n".join(["## What `import wsss` offers", "", "| name | what it is |", "|---|---|", *rows, ""])


def equations(entries: list[Entry]) -> str:
    """The table from the papers' equations to the functions that compute them."""
    found: dict[tuple[str, int], list[Entry]] = {}
    for own in entries:
        for paper, number in EQUATION.findall(" ".join(own.text["References"])):
            found.setdefault((paper, int(number)), []).append(own)
    rows = [
        f"| {paper} eq. {number} | {link(own)} | {in_table(escaped(own.summary))} |"
        for paper, number in sorted(found, key=lambda key: (list(PAPERS).index(key[0]), key[1]))
        for own in found[paper, number]
    ]
    told = [f"{paper}: {title}.\n" for paper, title in PAPERS.items()]
    return "\n".join(
        ["## Where each equation is", "", *told, "| equation | function | what it gives |", "|---|---|---|", *rows, ""]
    )


def overview(rooms: dict[str, list[Entry]]) -> str:
    """The table of the rooms and what is public in each."""
    rows = [f"| [{room}](#{anchor(room)}) | {', '.join(map(link, entries))} |" for room, entries in rooms.items()]
    return "\n".join(["## What each room has", "", "| room | public |", "|---|---|", *rows, ""])


def link(own: Entry) -> str:
    """A link to an entry; the last part of its name, a method with its class."""
    shown = own.title if own.title[0].isupper() else own.title.rpartition(".")[2]
    return f"[`{shown}`](#{anchor(heading(own))})"


def heading(own: Entry) -> str:
    """The heading of an entry. Classes say so: their names may differ from a function's by capitals alone."""
    return f"{'class ' * isinstance(own.node, ast.ClassDef)}`{own.title}`"


def anchor(title: str) -> str:
    """The name that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def described(own: Entry) -> str:
    """The entry of a function, or that of a class with those of its methods."""
    place = own.file.relative_to(PROJECT).as_posix()
    lines = [f"### {heading(own)}", "", f"In [{place}](../{place}).", "", *body(own)]
    if isinstance(own.node, ast.ClassDef):
        lines += attributes(own.node)
    for method in methods(own):
        lines += [f"#### `{method.title}`", "", *body(method)]
    return "\n".join(lines)


def body(own: Entry) -> list[str]:
    """Signature and sections of one entry."""
    lines = ["```python", signature(own.node), "```", "", escaped(own.summary), ""]
    if own.text["Extended Summary"]:
        lines += [*map(escaped, own.text["Extended Summary"]), ""]
    for title in ("Parameters", "Attributes", "Returns", "Raises"):
        if own.text[title]:
            lines += [f"{title}:", "", *map(listed, own.text[title]), ""]
    if own.text["Notes"]:
        lines += ["Notes:", "", *map(escaped, own.text["Notes"]), ""]
    if own.text["References"]:
        lines += [f"References: {escaped(' '.join(own.text['References']))}", ""]
    return lines


def listed(item: tuple[str, str, list[str]]) -> str:
    """A parameter, a returned value or an exception as an item of a list."""
    name, kind, description = item
    told = escaped(" ".join(description))
    names = f"`{name}` (`{kind}`)" if name and kind else f"`{name or kind}`"
    return f"- {names}: {told}"


def attributes(node: ast.ClassDef) -> list[str]:
    """The properties of a class, as a list."""
    own = [one for one in public_functions(node) if is_property(one)]
    items = [
        f"- `{one.name}` (`{ast.unparse(one.returns) if one.returns else ''}`): "
        f"{escaped(' '.join((ast.get_docstring(one) or '').split()))}"
        for one in own
    ]
    return ["Properties:", "", *items, ""] if items else []


def signature(node: Definition) -> str:
    """How a function or a class is called; one argument a line where it is long."""
    arguments = fields(node) if isinstance(node, ast.ClassDef) else parameters(node)
    returns = f" -> {ast.unparse(node.returns)}" if isinstance(node, ast.FunctionDef) and node.returns else ""
    line = f"{node.name}({', '.join(arguments)}){returns}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{node.name}(", *(f"    {one}," for one in arguments), f"){returns}"])


def fields(node: ast.ClassDef) -> list[str]:
    """What a class is made from: the parameters of its __init__, or its fields."""
    made = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
    if made is not None:
        return parameters(made)
    return [ast.unparse(one) for one in node.body if isinstance(one, ast.AnnAssign) and not is_class_variable(one)]


def is_class_variable(node: ast.AnnAssign) -> bool:
    """Whether a field belongs to the class and is not given for each object."""
    return ast.unparse(node.annotation).startswith("ClassVar")


def parameters(node: ast.FunctionDef) -> list[str]:
    """The parameters with types and defaults, without the object or the class itself."""
    own = node.args.args
    without = [None] * (len(own) - len(node.args.defaults))
    return [
        f"{one.arg}: {ast.unparse(one.annotation)}" + (f" = {ast.unparse(default)}" if default is not None else "")
        for one, default in zip(own, [*without, *node.args.defaults], strict=True)
        if one.annotation is not None
    ]


def escaped(text: str) -> str:
    """Text for Markdown: stars and angle brackets are escaped, except in backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*<])", r"\\\1", part) for part in parts)


def in_table(text: str) -> str:
    """Text for a cell of a table, with escaped bars."""
    return text.replace("|", "\\|")


def settings() -> str:
    """Tables of the settings: every key with its type, its default and what it says."""
    files = sorted((PACKAGE / "settings").glob("*.py"))
    found = [(file, node) for file in files for node in parsed(file).body if isinstance(node, ast.ClassDef)]
    tables = [table for file, node in found if (table := settings_table(file, node))]
    kinds = [row for file in files for row in types(file)]
    head = [
        "## Settings",
        "",
        "Keys of a config, class by class; `settings.run.RunSettings` says which stage has which.",
        "",
    ]
    return "\n".join([*head, "| type | stands for |", "|---|---|", *kinds, "", *tables])


def types(file: Path) -> Iterator[str]:
    """Rows for the names that a module of settings gives to types."""
    for node in parsed(file).body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Subscript(value=ast.Name(id="Annotated" | "Literal"))
            ):
                if not name.startswith("_"):
                    yield f"| `{name}` | `{in_table(ast.unparse(node.value))}` |"


def settings_table(file: Path, node: ast.ClassDef) -> str:
    """The table of one class; empty where the class has no keys of its own."""
    lines = file.read_text().splitlines()
    own = [one for one in node.body if isinstance(one, ast.AnnAssign) and not is_class_variable(one)]
    rows = [settings_row(one, lines) for one in own if not ast.unparse(one.target).startswith(("_", "model_"))]
    if not rows:
        return ""
    title = f"### `settings.{file.stem}.{node.name}`"
    told = escaped(ast.get_docstring(node) or "").splitlines()
    return "\n".join([title, "", *told, "", "| key | type | default | what it says |", "|---|---|---|---|", *rows, ""])


def settings_row(node: ast.AnnAssign, lines: list[str]) -> str:
    """One key; what it says is the comment above it."""
    comment: list[str] = []
    for line in reversed(lines[: node.lineno - 1]):
        if not line.strip().startswith("# ") or line.strip().startswith("# fmt"):
            break
        comment.insert(0, line.strip().removeprefix("# "))
    kind = in_table(ast.unparse(node.annotation))
    default = f"`{in_table(ast.unparse(node.value))}`" if node.value is not None else ""
    return f"| `{ast.unparse(node.target)}` | `{kind}` | {default} | {in_table(escaped(' '.join(comment)))} |"


if __name__ == "__main__":
    main()

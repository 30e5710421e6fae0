"""A model that explains itself: the weights of a segmentation network, with what using them needs as metadata.

The metadata are one JSON text under one key, because safetensors writes several keys in any order. They hold nothing of
the machine that the model was made on.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from wsss.data.dataset import Dataset
from wsss.data.label_values import LabelValues
from wsss.errors import WsssError, brief, reason_of, shown
from wsss.files import sha256_of, write_bytes
from wsss.networks.saved_weights import load_weights, read_weights
from wsss.segmentation.training import build_segmenter
from wsss.settings.photographs import MOST_PIXELS
from wsss.settings.prediction import PredictionSettings
from wsss.settings.prediction_labels import PredictionLabelSettings
from wsss.settings.run import RunSettings
from wsss.settings.segmentation import SegmentationSettings
from wsss.settings.values import MOST_CLASSES, MaskValue

METADATA_KEY = "wsss"
FORMAT_VERSION = 1
ClassName = Annotated[str, Field(min_length=1)]


class InputFacts(BaseModel):
    """How pixels are given to the network: (x / 255 - mean) / std for each channel of an RGB image, or of a BGR one."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool


class ModelFacts(BaseModel):
    """The metadata of a model."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format_version: Literal[1]
    # The name of the dataset that the network was trained on.
    dataset: str
    # Values of the classes in label images, in the order of the network's outputs. Output 0 is the background.
    classes: Annotated[dict[ClassName, MaskValue], Field(min_length=1, max_length=MOST_CLASSES)]
    has_background: bool
    # Larger photographs are worked on at a smaller size.
    max_pixels: Annotated[int, Field(ge=4096, le=100_000_000)]
    input: InputFacts
    segmentation: SegmentationSettings
    prediction: PredictionSettings
    prediction_labels: PredictionLabelSettings
    # What the network was trained on.
    supervision: str
    # SHA-256 of the file that the training wrote, which has the same tensors.
    weights_sha256: str
    # Digests of all settings of the run, and of the code of its steps up to the labels of predictions.
    settings_digest: str
    code_digest: str
    # SHA-256 of these facts, with this one empty, and of the tensors. A model is copied to places without manifests.
    content_sha256: str

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        if len(set(self.classes.values())) != len(self.classes):
            raise ValueError("two classes have the same value")
        if not all(name.isprintable() for name in self.classes):
            raise ValueError("the name of a class holds a control character")
        return self

    @property
    def values(self) -> LabelValues:
        """The value of each class in label images."""
        return LabelValues(self.classes, {}, self.has_background)


def write_model(run: RunSettings, dataset: Dataset, weights: Path, digests: Mapping[str, str], path: Path) -> None:
    """Write the model of a run: the tensors of its trained segmentation network, and the metadata.

    Parameters
    ----------
    run : RunSettings
        The run.
    dataset : Dataset
        Its dataset, for the values of the classes.
    weights : Path
        The segmenter.safetensors that its training wrote.
    digests : Mapping[str, str]
        The digest of the run's `settings` and that of its `code`.
    path : Path
        The .safetensors to write. Equal arguments give equal bytes.

    Raises
    ------
    WsssError
        If the weights are missing, damaged, or of another network than that of the run.
    """
    state = read_weights(weights)
    network = build_segmenter(run.segmentation, len(dataset.classes))
    load_weights(network, state, weights)
    facts = ModelFacts(
        format_version=FORMAT_VERSION,
        dataset=run.data.name,
        classes=dict(dataset.values.classes),
        has_background=dataset.has_background,
        max_pixels=getattr(run.data, "max_pixels", MOST_PIXELS),
        input=InputFacts(**network.backbone.normalisation._asdict()),
        segmentation=run.segmentation,
        prediction=run.prediction,
        prediction_labels=run.prediction_labels,
        supervision=run.trained_on,
        weights_sha256=sha256_of(weights),
        settings_digest=digests["settings"],
        code_digest=digests["code"],
        content_sha256="",
    )
    facts = facts.model_copy(update={"content_sha256": _sum_of(facts, state)})
    # Classes keep their order, which is that of the outputs.
    text = json.dumps(facts.model_dump(mode="json"))
    write_bytes(path, save(state, {METADATA_KEY: text}))


def check_classes(path: Path, dataset: Dataset) -> None:
    """Check that a file of weights has the classes of a dataset, if it says which classes it has.

    Parameters
    ----------
    path : Path
        A .safetensors. Only those of `write_model` say their classes.
    dataset : Dataset
        The dataset.

    Raises
    ------
    WsssError
        If the classes differ.
    """
    if not path.is_file():
        # To open a pipe takes until somebody writes into it. Whoever reads the weights says that there are none.
        return
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(METADATA_KEY)
    except (SafetensorError, OSError):
        # Whoever reads the weights says what is wrong with the file.
        return
    if text is not None and list(_facts_of(text, path).classes) != dataset.classes:
        raise WsssError(
            f"{path} segments {', '.join(_facts_of(text, path).classes)}, and the dataset has "
            f"{', '.join(dataset.classes)}: use a dataset of these classes, or another model"
        )


def read_model(path: Path) -> tuple[ModelFacts, dict[str, Tensor]]:
    """The metadata and the tensors of a model. Nothing of the file is run.

    Parameters
    ----------
    path : Path
        A file of `write_model`.

    Returns
    -------
    tuple[ModelFacts, dict[str, Tensor]]
        The metadata, and the tensors by name, on the CPU.

    Raises
    ------
    WsssError
        If the file is missing, damaged, of another version, or has no such metadata.
    """
    with _opened(path) as file:
        facts = _facts_of(file.metadata(), path)
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it has no iterator)
    if _sum_of(facts, state) != facts.content_sha256:
        raise WsssError(
            f"{path} is damaged (its sum is another one): copy it again, or make it again with "
            "`snakemake model --force`"
        )
    return facts, state


def read_facts(path: Path) -> ModelFacts:
    """The metadata of a model alone. Raises WsssError as `read_model`."""
    with _opened(path) as file:
        return _facts_of(file.metadata(), path)


def _sum_of(facts: ModelFacts, state: Mapping[str, Tensor]) -> str:
    text = json.dumps(facts.model_copy(update={"content_sha256": ""}).model_dump(mode="json"))
    return hashlib.sha256(text.encode() + save(dict(state))).hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a model. Raises WsssError if it is missing or damaged."""
    if not path.is_file():
        raise WsssError(f"no model at {path}: `snakemake model` makes one in results/runs/RUN/model")
    try:
        with safe_open(path, "pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise WsssError(
            f"{path} is damaged ({reason_of(error)}): copy it again, or make it with `snakemake model`"
        ) from None


def _facts_of(metadata: Mapping[str, str] | None, path: Path) -> ModelFacts:
    """The metadata. Raises WsssError that names the first wrong entry."""
    text = (metadata or {}).get(METADATA_KEY)
    if text is None:
        raise WsssError(
            f"{path} does not say how it is used: it is no model; `snakemake model` makes one from a run, in "
            "results/runs/RUN/model"
        )
    try:
        content: Any = json.loads(text)
        version = content["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise WsssError(f"{path}: its metadata cannot be read: make the model again with `snakemake model`") from None
    if version != FORMAT_VERSION:
        raise WsssError(
            f"{path} has the format {shown(version)} and this version of wsss reads {FORMAT_VERSION}: use the version "
            "that made it, or make the model again with `snakemake model`"
        )
    try:
        return ModelFacts.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = brief(".".join(map(str, first["loc"]))) or "metadata"
        raise WsssError(
            f"{path}: {key}: {first['msg']}: it was made by another version of wsss; make the model again with "
            "`snakemake model`"
        ) from None

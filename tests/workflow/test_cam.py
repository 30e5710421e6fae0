"""`wsss cam` with the classifier of a finished run: the workflow's own maps, and scores and words by plain networks."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from tests.workflow.conftest import Workplace
from wsss.classification.classifier import Classifier, build_classifier
from wsss.cli import app
from wsss.commands.run_files import run_of
from wsss.data.dataset import Dataset
from wsss.manifests.single_files import list_file
from wsss.networks.saved_weights import load_weights, read_weights
from wsss.stores.cam_store import CamStore
from wsss.stores.image_store import store_path

SHOWN = ("train_0000", "train_0001", "val_0002")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["cam", *map(str, arguments)])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def dataset(finished: Workplace, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The dataset of the finished run, whose folder is the working directory."""
    monkeypatch.chdir(finished.work)
    return Dataset(run_of("default").path("data"))


def features_of(classifier: Classifier, photograph: Path) -> torch.Tensor:
    """F of a photograph by the plain network, float32 (d, h, w)."""
    mean, std = (np.array(own) for own in classifier.backbone.normalisation[:2])
    pixels = (np.asarray(Image.open(photograph).convert("RGB")) / 255 - mean) / std
    with torch.no_grad():
        found: torch.Tensor = classifier.features(torch.from_numpy(pixels.transpose(2, 0, 1)[None]).float())[0]
    return found


@pytest.fixture
def classifier(dataset: Dataset) -> Classifier:
    """The classifier as it was trained, without what makes inference fast."""
    own = run_of("default")
    network = build_classifier(own.settings("classifier"), len(dataset.classes))  # type: ignore[arg-type]
    load_weights(network, read_weights(own.file("classifier")), own.file("classifier"))
    return network.eval()


@pytest.mark.parametrize("image_id", SHOWN)
def test_maps_are_those_of_the_workflow(dataset: Dataset, tmp_path: Path, image_id: str) -> None:
    classes = [dataset.classes[key] for key in dataset.present(image_id)]
    photograph = dataset.image_path(image_id)
    found = run("default", photograph, "-o", tmp_path / "out", "--classes", ", ".join(reversed(classes)))
    assert found.exit_code == 0, found.output
    wanted = CamStore.read(store_path(run_of("default").path("cams"), image_id), image_id).full()
    maps = np.load(tmp_path / "out" / "maps" / f"{image_id}.npz", allow_pickle=False)
    assert [*maps] == classes
    for name, own in zip(classes, wanted, strict=True):
        np.testing.assert_array_equal(maps[name], own)
        (overlay,) = (tmp_path / "out" / "overlays" / image_id).glob(f"*-{name}.jpg")
        assert Image.open(overlay).size == own.shape[::-1]
    assert len([*(tmp_path / "out" / "overlays" / image_id).iterdir()]) == len(classes)


def test_classes_with_a_score_above_one_half_are_mapped(
    dataset: Dataset, classifier: Classifier, tmp_path: Path
) -> None:
    photographs = [dataset.image_path(one) for one in SHOWN]
    found = run("results/runs/default", *photographs, "-o", tmp_path / "out")
    assert found.exit_code == 0, found.output
    for photograph, row in zip(photographs, rows(tmp_path / "out" / "index.csv"), strict=True):
        with torch.no_grad():
            wanted = classifier.image_scores(features_of(classifier, photograph)[None])[0].double().sigmoid().numpy()
        scores = np.array([float(row[f"score of {name}"]) for name in dataset.classes])
        np.testing.assert_allclose(scores, wanted, atol=2e-4)
        names = [name for name, score in zip(dataset.classes, wanted, strict=True) if score > 0.5]
        assert row["classes"] == ", ".join(names)
        assert [*np.load(tmp_path / "out" / row["maps"])] == names
        assert all(
            f"{name} {score:.2f}" in found.stdout for name, score in zip(names, wanted[wanted > 0.5], strict=True)
        )


def test_words_are_the_most_similar_ones(dataset: Dataset, classifier: Classifier, tmp_path: Path) -> None:
    photograph = dataset.image_path(SHOWN[0])
    assert run("default", photograph, "-o", tmp_path / "out").exit_code == 0
    features = features_of(classifier, photograph).double().numpy()
    codebook = classifier.words.codebook.detach().double().numpy()  # type: ignore[union-attr]
    weights = classifier.classifier.weight.detach().double().numpy()
    _, height, width = features.shape
    cosines = np.zeros((height, width, len(codebook)))
    for y in range(height):
        for x in range(width):
            for number, word in enumerate(codebook):
                own = features[:, y, x]
                cosines[y, x, number] = own @ word / np.sqrt((own @ own) * (word @ word))
    cells = cosines.argmax(2)
    shown = np.asarray(Image.open(tmp_path / "out" / "words" / f"{SHOWN[0]}.png"))
    full_height, full_width = Image.open(photograph).size[::-1]
    assert shown.shape == (full_height, full_width)
    for y in range(full_height):
        for x in range(full_width):
            assert shown[y, x] == cells[int((y + 0.5) * height / full_height), int((x + 0.5) * width / full_width)]
    table = rows(tmp_path / "out" / "words.csv")
    assert sorted(int(row["word"]) for row in table) == sorted(np.unique(cells))
    for row in table:
        word = int(row["word"])
        assert float(row["share"]) == pytest.approx(np.mean(cells == word), abs=6e-5)
        assert float(row["similarity"]) == pytest.approx(cosines.max(2)[cells == word].mean(), abs=2e-4)
        assert row["class"] == dataset.classes[int(np.argmax(weights @ codebook[word]))]


def test_equal_photographs_give_equal_bytes_and_bad_ones_are_named(dataset: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    shutil.copy(dataset.image_path(SHOWN[0]), folder / "a.jpg")
    (folder / "cut.jpg").write_bytes((folder / "a.jpg").read_bytes()[:200])
    for name in ("one", "two"):
        found = run("default", folder, "-o", tmp_path / name, "--classes", dataset.classes[0])
        assert found.exit_code == 1
        errors = [line for line in found.stderr.splitlines() if line.startswith("error: ")]
        assert "cut.jpg" in errors[0]
        assert "data.on_bad_image" not in errors[0]
        assert errors[1:] == ["error: 1 of 2 photographs could not be shown"]
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert {Path(name).parts[0] for name in contents(tmp_path / "one")} == {
        "index.csv",
        "maps",
        "overlays",
        "words",
        "words.csv",
    }


def test_what_cannot_be_shown_is_told(dataset: Dataset, finished: Workplace, tmp_path: Path) -> None:
    photograph = dataset.image_path(SHOWN[0])
    page = tmp_path / "results" / "runs" / "truth-0a1b2c"
    page.mkdir(parents=True)
    table = run_of("default").folder / "artifacts.tsv"
    kept = [line for line in table.read_text().splitlines() if not line.startswith("classifier\t")]
    (page / "artifacts.tsv").write_text("\n".join(kept) + "\n")
    list_file(page / "artifacts.tsv")
    for folder in finished.work.glob("results/data-*"):
        (tmp_path / "results" / folder.name).symlink_to(folder)
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").touch()
    (tmp_path / "file").touch()
    for arguments, told in (
        (("default", photograph, "-o", tmp_path / "out", "--classes", "unicorn"), "no class unicorn; it has "),
        (("default", photograph, "-o", full), "is not empty: name a new folder"),
        (("default", photograph, "-o", tmp_path / "file" / "out"), "cannot be written"),
        (("default", tmp_path / "gone.jpg", "-o", tmp_path / "out"), "no photograph at"),
        (("gone", photograph, "-o", tmp_path / "out"), "no run at gone: name its folder or its name"),
        ((page, photograph, "-o", tmp_path / "out"), "has no classifier: it has "),
    ):
        found = run(*arguments)
        assert found.exit_code == 1
        assert told in found.stderr
        assert len(found.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_run_knows_its_stages(dataset: Dataset, finished: Workplace) -> None:
    own = run_of(Path("results") / "runs" / "default")
    for stage, row in own.stages.items():
        assert (finished.work / row["path"]).is_dir()
        assert json.loads(own.settings(stage).model_dump_json()) == json.loads(row["settings"])


def test_predictions_of_test_are_made_by_the_command_that_submit_names(finished: Workplace, dataset: Dataset) -> None:
    labels = run_of("default").written("prediction_labels")
    planned = finished.planned(*(f"{labels}/{kind}/test.tsv" for kind in ("plain", "crf")))
    assert planned["make_prediction_labels"] == planned["make_prediction"] == 2
    assert not planned.keys() & {"train_classifier", "train_segmentation"}
    found = CliRunner().invoke(app, ["submit", "default"])
    assert found.exit_code == 1
    assert "the server scores PASCAL VOC 2012" in found.stderr

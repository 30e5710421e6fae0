"""`wsss init` on folders of photographs with tables, lists and folders as labels."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.commands.init.conftest import NINE, Init, put, put_nine, read
from wsss.cli import app
from wsss.data.sources.own_images import list_images
from wsss.settings.own_images import ImagesSettings

ROWS = dict.fromkeys(NINE[:4], "cow") | dict.fromkeys(NINE[4:7], "pig;cow") | {NINE[7]: ""}
LISTED = "image,labels\n" + "".join(f"{name},{labels}\n" for name, labels in ROWS.items())


def data_of(path: Path) -> ImagesSettings:
    data = read(path).runs["default"].data
    assert isinstance(data, ImagesSettings)
    return data


def many(folder: Path, count: int = 40) -> str:
    """A table of photographs of two classes in turn."""
    names = [f"{number:02}.jpg" for number in range(count)]
    put(folder, *names)
    return "image_id,cat,dog\n" + "".join(f"{name},{n % 2},{1 - n % 2}\n" for n, name in enumerate(names))


def test_nine_formats_and_a_table_become_a_config(tmp_path: Path, init: Init) -> None:
    put_nine(tmp_path / "My farm")
    (tmp_path / "My farm" / "labels.csv").write_text(LISTED)
    told = init("My farm")
    assert told.code == 0
    assert "9 in My farm: 2 .jpg, 2 .png, 1 .bmp, 1 .jpeg, 1 .tif, 1 .tiff, 1 .webp" in told.output
    # The turned one is upright: 320 high.
    assert "smallest 240 x 320, median 240 x 320, largest 320 x 240" in told.output
    assert "8 train, 0 val, 1 only for masks" in told.output
    assert told.counts == {"cow": (7, 0), "pig": (3, 0), "(no class)": (1, 0)}
    assert told.odd[:2] == [
        "1 (Feld Süd/hoch.jpeg) turned upright, as their EXIF data say",
        "1 (deep.png) of more than 8 bits: the high 8 are used",
    ]
    assert "1 photographs have no row, such as deep.png: only masks are made of them" in told.odd
    assert any("val is not drawn from 8 photographs" in line for line in told.odd)
    assert "fewer than 10 photographs of train have cow (7), pig (3): expect poor masks of it" in told.odd
    assert "wsss describe My-farm.yaml" in told.output
    config = read(tmp_path / "My-farm.yaml")
    run, data = config.runs["default"], data_of(tmp_path / "My-farm.yaml")
    assert (data.name, data.labels, data.holdout) == ("My-farm", "labels.csv", 0)
    assert (config.machine.locations.dataset, config.machine.locations.lists) == ("My farm", None)
    assert (run.classifier.batch, run.report.masks) == (4, True)
    assert run.irnet is not None
    assert run.irnet.batch == 4
    # The places hold from this folder.
    listing = list_images(data, Path("My farm"))
    assert len(listing.splits["train"]) == 8
    described = CliRunner().invoke(app, ["describe", "My-farm.yaml"])
    assert described.exit_code == 0, described.output
    assert described.output.startswith("run default: My-farm, 8 train images\n")


@pytest.mark.parametrize(
    "table",
    [
        "filename;labels\n{0};cow\n{1};cow, pig\n{2};pig\n",
        "\ufeffimage_id\tcow\tpig\r\n{0}\t1\t0\r\n{1}\t1\t1\r\n{2}\t0\t1\r\n",
        "image,classes,note\n{0},['cow'],x\n{1},\"['cow', 'pig']\",y\n{2},['pig'],\n",
        "{0},cow\n{1},cow;pig\n{2},pig\n",
    ],
)
def test_tables_of_several_dialects_anywhere(tmp_path: Path, init: Init, table: str) -> None:
    put(tmp_path / "photographs", *NINE[:3])
    (tmp_path / "else where").mkdir()
    path = tmp_path / "else where" / "Tiere.csv"
    path.write_bytes(table.format(*NINE[:3]).encode())
    told = init("photographs", path.relative_to(tmp_path), "--name", "tiere")
    assert told.code == 0, told.output
    assert told.counts == {"cow": (2, 0), "pig": (2, 0), "(no class)": (0, 0)}
    config = read(tmp_path / "tiere.yaml")
    assert config.machine.locations.lists == "else where"
    assert data_of(tmp_path / "tiere.yaml").labels == "Tiere.csv"
    assert any("columns that are not used: note" in line for line in told.odd) == ("note" in table)


def test_val_is_drawn_from_enough_photographs(tmp_path: Path, init: Init) -> None:
    (tmp_path / "pets").mkdir()
    table = many(tmp_path / "pets")
    (tmp_path / "pets" / "labels.csv").write_text(table)
    told = init("pets")
    assert told.counts == {"cat": (16, 4), "dog": (16, 4), "(no class)": (0, 0)}
    assert "32 train, 8 val (drawn, a share of 0.2)" in told.output
    assert told.odd == ["photographs are small (median long side 32 pixels): masks will be coarse"]
    assert (data_of(tmp_path / "pets.yaml").holdout, data_of(tmp_path / "pets.yaml").seed) == (0.2, 0)
    assert init("pets", "--holdout", "0.5", "--seed", "3", "-o", "half.yaml").counts["cat"] == (10, 10)
    assert (data_of(tmp_path / "half.yaml").holdout, data_of(tmp_path / "half.yaml").seed) == (0.5, 3)
    assert "40 train, 0 val" in init("pets", "--holdout", "0", "-o", "none.yaml").output
    assert data_of(tmp_path / "none.yaml").holdout == 0


def test_a_column_of_splits_is_kept_unless_val_is_to_be_drawn(tmp_path: Path, init: Init) -> None:
    lines = many(tmp_path / "pets").splitlines()
    splits = ["split", *(["val"] * 5 + ["test"] * 5 + ["train"] * 30)]
    (tmp_path / "pets" / "labels.csv").write_text("".join(f"{a},{b}\n" for a, b in zip(lines, splits, strict=True)))
    told = init("pets")
    assert "30 train, 5 val, 5 only for masks" in told.output
    assert data_of(tmp_path / "pets.yaml").holdout == 0
    drawn = init("pets", "--holdout", "0.25", "--force")
    assert "30 train, 10 val (drawn, a share of 0.25)" in drawn.output
    assert any("the column split is not used" in line for line in drawn.odd)


def test_lists_of_a_folder_say_the_splits(tmp_path: Path, init: Init) -> None:
    table = many(tmp_path / "pets")
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "tags.csv").write_text(table)
    (lists / "train.txt").write_text("".join(f"{number:02}\n" for number in range(30)))
    (lists / "Validation.txt").write_text("30.jpg\n31.jpg\n")
    told = init(tmp_path / "pets", lists)
    assert "30 train, 2 val" in told.output
    assert "8 photographs are in no list and are not used, such as 32.jpg" in told.odd
    config, data = read(tmp_path / "pets.yaml"), data_of(tmp_path / "pets.yaml")
    assert (data.labels, data.lists.train, data.lists.val) == ("tags.csv", "train.txt", "Validation.txt")
    # Absolute places stay absolute.
    assert config.machine.locations.dataset == str(tmp_path / "pets")
    assert config.machine.locations.lists == str(lists)
    alone = init("pets", lists / "tags.csv", "--force")
    assert "32 train, 8 val" in alone.output
    assert any(line.startswith("Validation.txt and train.txt in") for line in alone.odd)


def test_names_of_folders_are_classes(tmp_path: Path, init: Init) -> None:
    put(tmp_path / "pets", *(f"{name}/{number}.jpg" for name in ("cat", "dog", "negative") for number in range(12)))
    told = init(tmp_path / "pets", "--holdout", "0.25")
    assert told.counts == {"cat": (9, 3), "dog": (9, 3), "(no class)": (9, 3)}
    assert data_of(tmp_path / "pets.yaml").labels == "folders"


def test_named_classes_keep_their_values_in_masks(tmp_path: Path, init: Init) -> None:
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "labels.csv").write_text(many(tmp_path / "pets"))
    told = init("pets", "--classes", "dog")
    assert told.counts == {"dog": (16, 4), "(no class)": (16, 4)}
    data = data_of(tmp_path / "pets.yaml")
    assert (data.class_values, data.ignored_classes) == ({"dog": 2}, {"cat": 1})
    wrong = init("pets", "--classes", "dog,cow", "-o", "b.yaml")
    assert wrong.code == 1
    assert wrong.output == "error: --classes: 'cow' is none of the classes of the labels: cat, dog\n"


def test_labels_of_other_projects_need_names(tmp_path: Path, init: Init) -> None:
    many(tmp_path / "pets", 4)
    rows = {f"{number:02}": np.array([number % 2, 1], np.float32) for number in range(4)}
    np.save(tmp_path / "cls_labels.npy", np.array(rows, dtype=object), allow_pickle=True)
    without = init("pets", "cls_labels.npy")
    assert without.output.splitlines()[-1].endswith(
        "has 2 columns and no names: set --classes to the list of their names"
    )
    told = init("pets", "cls_labels.npy", "--classes", "cat, dog")
    assert told.counts == {"cat": (2, 0), "dog": (4, 0), "(no class)": (0, 0)}
    assert "every photograph of train has dog: nothing tells it from the rest" in told.odd
    assert data_of(tmp_path / "pets.yaml").classes == ("cat", "dog")


def test_masks_below_the_photographs(tmp_path: Path, init: Init) -> None:
    table = many(tmp_path / "pets")
    (tmp_path / "pets" / "labels.csv").write_text(table)
    (tmp_path / "pets" / "truth").mkdir()
    Image.new("L", (32, 24)).save(tmp_path / "pets" / "truth" / "03.png")
    assert "1, for scores only" in init("pets", "--masks", "truth").output
    assert data_of(tmp_path / "pets.yaml").masks == "truth"
    assert "1, for scores only" in init("pets", "--masks", "pets/truth", "--force").output
    assert data_of(tmp_path / "pets.yaml").masks == "truth"
    told = init("pets", "--masks", tmp_path, "--force")
    assert (told.code, told.output) == (1, f"error: --masks: {tmp_path} is no folder below pets: put the masks there\n")


def test_large_photographs_are_worked_on_smaller(tmp_path: Path, init: Init) -> None:
    put(tmp_path / "large", *(f"{name}/{number}.jpg" for name in ("a", "b") for number in range(3)), size=(1200, 1600))
    told = init("large")
    assert "largest 1200 x 1600; 6 of more than 200,000 pixels are worked on smaller" in told.output
    run = read(tmp_path / "large.yaml").runs["default"]
    assert data_of(tmp_path / "large.yaml").max_pixels == 200_000
    assert (run.classifier.long_side, run.classifier.crop) == ((256, 448), 320)


def test_a_photograph_of_val_that_is_in_train_too_is_found(tmp_path: Path, init: Init) -> None:
    table = many(tmp_path / "pets")
    (tmp_path / "pets" / "labels.csv").write_text(table)
    (tmp_path / "pets" / "val.txt").write_text("00.jpg\n01.jpg\n")
    shutil.copy(tmp_path / "pets" / "30.jpg", tmp_path / "pets" / "00.jpg")
    told = init("pets")
    assert [line for line in told.odd if "same bytes" in line] == [
        "1 photographs of val have the same bytes as one of train, such as pets/00.jpg and pets/30.jpg: scores of val "
        "will be too good"
    ]


def test_photographs_that_cannot_be_read_are_named(tmp_path: Path, init: Init) -> None:
    table = many(tmp_path / "pets")
    (tmp_path / "pets" / "labels.csv").write_text(table)
    (tmp_path / "pets" / "05.jpg").write_bytes(b"no photograph")
    Image.new("RGB", (9, 9)).save(
        tmp_path / "pets" / "06.jpg", "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9))]
    )
    told = init("pets", "--holdout", "0")
    assert told.odd[:1] == ["2 cannot be read, and the workflow will stop at them: replace them, or use --skip-bad"]
    assert told.odd[1].startswith("damaged image: pets/05.jpg (")
    assert told.odd[2] == "pets/06.jpg holds 2 images (an animation or pages): save the one to use as a file"
    assert data_of(tmp_path / "pets.yaml").on_bad_image == "stop"
    skipped = init("pets", "--holdout", "0", "--skip-bad", "--force")
    assert skipped.odd[0] == "2 cannot be read and are left out"
    assert data_of(tmp_path / "pets.yaml").on_bad_image == "skip"
    assert "for 38 photographs to train on" in (tmp_path / "pets.yaml").read_text()


def test_one_class_that_all_have_is_odd(tmp_path: Path, init: Init) -> None:
    put(tmp_path / "pets", "a.jpg", "b.jpg", "c.heic.jpg")
    (tmp_path / "pets" / "d.heic").write_bytes(b"")
    (tmp_path / "pets" / "labels.csv").write_text("image,labels\na,cat\nb,cat\n")
    told = init("pets")
    assert "every photograph of train has cat and there is no other class: nothing tells it from the rest" in told.odd
    assert "pets: not used, because their format is not read: 1 .heic" in told.odd
    assert len(told.odd) == len(set(told.odd))


def test_names_that_yaml_would_read_as_something_else(tmp_path: Path, init: Init) -> None:
    put(tmp_path / "# odd: $name", "a.jpg", "b.jpg")
    (tmp_path / "# odd: $name" / "labels.csv").write_text("image,labels\na,yes\nb,1: no # off\n")
    told = init("# odd: $name", "--classes", "yes", "-o", "my odd $batch.yaml")
    assert told.code == 0, told.output
    assert "--configfile 'my odd $batch.yaml'" in told.output
    data = data_of(tmp_path / "my odd $batch.yaml")
    assert (data.name, data.class_values, data.ignored_classes) == ("odd-name", {"yes": 2}, {"1: no # off": 1})
    assert read(tmp_path / "my odd $batch.yaml").machine.locations.dataset == "# odd: $name"

"""Tables of labels in every dialect give the same labels; what cannot be read is told by line and column."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wsss.data.sources.label_tables import LabelTable, read_cls_labels, read_label_table, split_list
from wsss.errors import WsssError

WANTED = {"a.jpg": {"cat"}, "b.jpg": {"cat", "traffic light"}, "c.jpg": set(), "d.jpg": {"traffic light"}}
LIST = "image,labels\na.jpg,cat\nb.jpg,cat;traffic light\nc.jpg,\nd.jpg,traffic light\n"
FLAGS = "image_id,cat,traffic light\na.jpg,1,0\nb.jpg,1,1\nc.jpg,0,0\nd.jpg,0,1\n"
WITH_253 = "image," + ",".join(f"c{number}" for number in range(253)) + "\na" + ",1" * 253 + "\n"


def table(folder: Path, content: str | bytes, **options: Any) -> LabelTable:
    path = folder / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_label_table(path, **options)


def as_sets(found: LabelTable) -> dict[str, set[str]]:
    return {
        name: {found.classes[index] for index in np.flatnonzero(row)}
        for name, row in zip(found.names, found.labels, strict=True)
    }


@pytest.mark.parametrize(
    "content",
    [
        LIST,
        FLAGS,
        "\ufeff" + LIST,
        LIST.encode("utf-16"),
        FLAGS.replace("\n", "\r\n").encode("utf-16-le").join([b"\xff\xfe", b""]),
        FLAGS.replace("\n", "\r\n"),
        FLAGS.replace("\n", "\r"),
        FLAGS.replace(",", ";"),
        FLAGS.replace(",", "\t"),
        FLAGS.replace(",", " | "),
        "sep=;\n" + FLAGS.replace(",", ";"),
        "SEP=^\r\n" + FLAGS.replace(",", "^"),
        FLAGS.replace("\n", ",\n"),
        FLAGS.replace("\n", ",,\n\n,,,,\n"),
        FLAGS.replace(",1", ",TRUE").replace(",0", ",False"),
        FLAGS.replace(",1", ",yes").replace(",0", ",no"),
        FLAGS.replace(",0", ",-1"),
        FLAGS.replace(",1", ",1.0").replace(",0", ",0.0"),
        '"image_id", "cat", "traffic light"\n"a.jpg", "1", "0"\nb.jpg,1,1\nc.jpg,0,0\n"d.jpg",0,1\n',
        "cat,traffic light,Filename\n1,0,a.jpg\n1,1,b.jpg\n0,0,c.jpg\n0,1,d.jpg\n",
        ",image,cat,traffic light\n0,a.jpg,1,0\n1,b.jpg,1,1\n2,c.jpg,0,0\n3,d.jpg,0,1\n",
        "id,file_name,cat,traffic light\n1,a.jpg,1,0\n2,b.jpg,1,1\n3,c.jpg,0,0\n4,d.jpg,0,1\n",
        "photo,cat,traffic light\na.jpg,1,0\nb.jpg,1,1\nc.jpg,0,0\nd.jpg,0,1\n",
        LIST.replace(";", "|"),
        LIST.replace("cat;traffic light", '"cat, traffic light"'),
        LIST.replace("cat;traffic light", "\"['cat', 'traffic light']\""),
        LIST.replace("cat;traffic light", "['cat' 'traffic light']"),
        LIST.replace("cat;traffic light", '"[""cat"", ""traffic light""]"').replace("c.jpg,", "c.jpg,[]"),
        LIST.replace(",", "\t").replace(";", ","),
        LIST.replace(";", "\t").replace(",", ";").replace("\t", ","),
        LIST.replace("image,labels\n", ""),
        "width,class,filename\n64,cat,a.jpg\n64,cat;traffic light,b.jpg\n1,,c.jpg\n1,traffic light,d.jpg\n",
    ],
)
def test_every_dialect_gives_the_same_labels(tmp_path: Path, content: str | bytes) -> None:
    found = table(tmp_path, content)
    assert as_sets(found) == WANTED
    assert list(found.classes) == ["cat", "traffic light"]
    assert found.labels.dtype == np.uint8
    assert found.splits is None


def test_classes_stand_in_the_order_of_columns_else_of_the_alphabet(tmp_path: Path) -> None:
    assert list(table(tmp_path, "image,dog,cat\na,1,0\n").classes) == ["dog", "cat"]
    assert list(table(tmp_path, "image,labels\na,dog;cat\nb,ant\n").classes) == ["ant", "cat", "dog"]


def test_a_name_of_the_config_is_not_divided(tmp_path: Path) -> None:
    found = table(
        tmp_path, 'image,labels\na,"cat, wild"\nb,"dog,cat, wild"\n', known=["cat, wild", "dog", "cat", "wild"]
    )
    assert as_sets(found) == {"a": {"cat, wild"}, "b": {"dog", "cat", "wild"}}


def test_a_column_says_the_split(tmp_path: Path) -> None:
    content = "image,split,cat,fold\na,Train,1,validation\nb,val,0,training\nc,test,0,TEST\n"
    with pytest.raises(WsssError, match="line 2, column 'fold': 'validation' is neither 1, true"):
        table(tmp_path, content)
    content = content.replace("cat,fold", "labels,fold")
    content = content.replace("1,v", "cat,v").replace("0,", "dog,")
    assert table(tmp_path, content).splits == ["train", "val", "test"]
    assert table(tmp_path, content, split_column="Fold").splits == ["val", "train", "test"]
    assert table(tmp_path, content, use_split=False).splits is None
    with pytest.raises(WsssError, match=r"no column 'set', which data\.split_column names; there are: image, split"):
        table(tmp_path, content, split_column="set")
    with pytest.raises(WsssError, match="line 3, column 'split': 'later' is none of train, val and test: correct it"):
        table(tmp_path, content.replace("b,val", "b,later"))
    flags = "image,split,cat\na,train,1\nb,val,0\n"
    assert table(tmp_path, flags).splits == ["train", "val"]
    assert table(tmp_path, flags, use_split=False).classes == ["cat"]


def test_0_beside_minus_1_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "wsss"):
        found = table(tmp_path, "image,cat\na,1\nb,-1\nc,0\n")
    assert found.labels.tolist() == [[1], [0], [0]]
    assert "0 is taken as VOC's difficult" in caplog.text


def test_a_column_of_flags_that_is_not_used_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "image,path,name,cow\na,1,x,1\nb,0,y,0\n"
    with caplog.at_level(logging.WARNING, "wsss"):
        assert table(tmp_path, text).classes == ["cow"]
    assert "the column 'path' is not used: if it is a class, name it in data.classes" in caplog.text
    assert "'name'" not in caplog.text


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("", []),
        ("cat", ["cat"]),
        (" cat ;; dog;cat ", ["cat", "dog"]),
        ("['it''s']", ["it", "s"]),
        ("[cat, big dog]", ["cat", "big dog"]),
        ("{'a', 'b'}", ["a", "b"]),
        ("('a',)", ["a"]),
        ("[", ["["]),
        ("[]", []),
    ],
)
def test_lists_in_cells(cell: str, names: list[str]) -> None:
    assert split_list(cell) == names


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no table of image-level labels"),
        ("image,cat\n", "needs a header and at least one row"),
        (b"image,cat\na,1\nM\xfcller,1\n", r"is no text in UTF-8 \(line 3\): save it as such"),
        ('image,cat\na,1\n"b,1\n', "the row from line 3 on cannot be read"),
        ("image,cat\na,1\nb,2\n", "line 3, column 'cat': '2' is neither 1"),
        ("image,cat\na,\nb,x\n", r"line 2, column 'cat': '' is neither 1.* \(and 1 more like this\)"),
        ("image,cat,dog\na,1,0\n\nb,1\n", "line 4: 2 cells for 3 columns"),
        (
            "image,labels\na,cat,dog\n",
            "line 2: 3 cells for 2 columns: .* put a list of classes in quotes",
        ),
        ("image,cat,cat\na,1,1\n", "the column 'cat' twice"),
        ("image,Cat,cat\na,1,1\n", r"column 3: 'cat' and 'Cat' \(column 2\) differ in case only"),
        ("image,labels\na,cat\nb,Cat\n", r"line 3, column 'labels': 'Cat' and 'cat' \(line 2"),
        ("image,cat,\na,1,5\n", "line 2: 3 cells for 2 columns: name every column"),
        ("image,,cat\na,1,1\n", "column 2: '' is no class: it is empty"),
        ("image,,cat\na,5,1\n", "line 2, column 2: '5' is neither"),
        ("image,width\na,640\n", "line 2, column 'width': '640' is neither 1.* delete a column that is no class"),
        ("image\na\n", "has no column of labels; there are: image"),
        ("image,cat\n,1\n", "line 2: the column 'image' names no photograph: fill it in"),
        ("image,label\na,1\nb,0\n", "column 'label' holds only 0, 1: write names of classes into it"),
        ("image,label,tags\na,x,y\n", "the columns 'label' and 'tags' may both hold the classes"),
        ("image,labels\na,background\n", "line 2, column 'labels': 'background' is no class: leave the cell empty"),
        ("image,labels\na,cat\nb,nan\n", "line 3, column 'labels': 'nan' is no class: leave the cell empty"),
        ("image,background,cat\na,1,0\n", "column 2: 'background' is no class"),
        ("a.jpg,1,0\nb.jpg,0,1\n", "line 1: no header"),
        ("split,cat\ntrain,1\n", "no column of photographs' names"),
        (
            "image," + ",".join(f"c{i}" for i in range(254)) + "\na" + ",1" * 254 + "\n",
            "names 254 classes, and at most 253",
        ),
    ],
)
def test_faulty_tables_are_told_by_line_and_column(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(WsssError, match=message) as error:
        table(tmp_path, content)
    assert str(error.value).startswith(("missing", "table of", str(tmp_path)))
    assert "\n" not in str(error.value)


def test_253_classes_are_read(tmp_path: Path) -> None:
    assert table(tmp_path, WITH_253).labels.shape == (1, 253)


@pytest.mark.parametrize("content", ["image,labels\na,cat\nb,dgo\n", "image,cat,dgo\na,1,0\n"])
def test_classes_that_the_config_does_not_name_are_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(WsssError, match=r"unknown class 'dgo' \(is 'dog' meant\?\); name it in data\.classes"):
        table(tmp_path, content, known=["cat", "dog"])


def test_a_class_may_be_called_as_a_column_usually_is(tmp_path: Path) -> None:
    found = table(tmp_path, "image,label,split,name\na,1,0,1\n", known=["label", "split", "name"])
    assert as_sets(found) == {"a": {"label", "split", "name"} - {"split"}}


def saved(folder: Path, content: Any) -> Path:
    np.save(folder / "cls_labels.npy", content)
    return folder / "cls_labels.npy"


def test_cls_labels_of_other_projects_are_read(tmp_path: Path) -> None:
    rows = {"2007_000032": np.float32([1, 0]), "2007_000039": np.float32([0, 1])}
    by_number = {np.int32(int(name.replace("_", ""))): row for name, row in rows.items()}
    for content in (rows, by_number):
        found = read_cls_labels(saved(tmp_path, content), ["cat", "dog"])
        assert as_sets(found) == {"2007_000032": {"cat"}, "2007_000039": {"dog"}}


@pytest.mark.parametrize(
    ("content", "classes", "message"),
    [
        ({"a": np.ones(20)}, None, r"has 20 columns and no names: set data\.classes"),
        ({"a": np.ones(2)}, ["cat"], "has 2 columns, and data.classes with data.ignored_classes 1 names"),
        ({"a": np.ones(1), "b": np.array([2])}, ["cat"], "key 'b': its value is no row of 1 zeros and ones"),
        ({"a": np.ones(1), "b": np.ones(2)}, ["cat"], "key 'b': its value is no row"),
        ({"a": np.ones(1), "b": "x"}, ["cat"], "key 'b': its value is no row"),
        ({}, ["cat"], "names no image"),
        (np.ones(3), ["cat"], r"holds an array of shape \(3,\)"),
    ],
)
def test_faulty_cls_labels_are_told(tmp_path: Path, content: Any, classes: list[str] | None, message: str) -> None:
    with pytest.raises(WsssError, match=message):
        read_cls_labels(saved(tmp_path, content), classes)

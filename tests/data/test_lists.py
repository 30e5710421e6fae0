"""Lists of images: every usual form of a line, and the line of what is none."""

from pathlib import Path

import pytest

from wsss.data.sources.lists import Listed, read_entries, read_list
from wsss.errors import WsssError


def listed(folder: Path, content: str | bytes) -> Path:
    path = folder / "train.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        "a1\nb 2\nc.3\n",
        "a1\r\nb 2\r\nc.3",
        "a1\rb 2\rc.3\r",
        "\ufeffa1\n\n  b 2\t\n \nc.3\n\n",
        "a1\nb 2\nc.3\n".encode("utf-16"),
        "a1.jpg\nb 2.JPG\nc.3.jpeg\n",
        "/JPEGImages/a1.jpg /SegmentationClassAug/a1.png\nJPEGImages/b 2.jpg\tx/b 2.png\nJPEGImages/c.3.jpg\n",
        "a1 -1\nb 2  1\nc.3  0\n",
    ],
)
def test_ids_come_from_every_form_of_a_line(tmp_path: Path, content: str | bytes) -> None:
    assert read_list(listed(tmp_path, content)) == ["a1", "b 2", "c.3"]


def test_a_line_that_is_an_id_as_a_whole_is_not_divided(tmp_path: Path) -> None:
    path = listed(tmp_path, "IMG 1\nIMG 063 (0)\nx.jpg\nIMG -1\n")
    assert read_list(path, {"IMG 1", "x.jpg"}.__contains__) == ["IMG 1", "IMG 063 (0)", "x.jpg", "IMG"]
    assert read_list(path, lambda _: True) == ["IMG 1", "IMG 063 (0)", "x.jpg", "IMG -1"]
    assert read_list(listed(tmp_path, "IMG 1\nIMG 063 (0)\n")) == ["IMG", "IMG 063 (0)"]


def test_masks_of_pairs_are_kept(tmp_path: Path) -> None:
    path = listed(tmp_path, "\n/JPEGImages/x.jpg /Seg/x.png\nmy photo (1).PNG  my masks/photo (1).png\ny\n")
    assert read_entries(path, lambda _: False) == [
        Listed(2, "/JPEGImages/x.jpg", "/Seg/x.png"),
        Listed(3, "my photo (1).PNG", "my masks/photo (1).png"),
        Listed(4, "y"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("../../x", "/abs/x", "..", "a/b", "a\\b", "a\x07b", "x" * 201, "ü" * 101, "../JPEGImages/x.jpg"),
        *("/etc/JPEGImages/x.jpg", "JPEGImages/../x.jpg", "a\u2028b", "." + "x.jpg " * 3000),
    ],
)
def test_what_is_no_file_name_is_refused_by_its_line(tmp_path: Path, text: str) -> None:
    for known in (None, lambda _: True):
        with pytest.raises(WsssError, match=r"train\.txt, line 3: .* is no id of an image") as error:
            read_list(listed(tmp_path, f"a\n\n{text}\nb\n"), known)
        assert "\n" not in str(error.value)


def test_the_longest_id_is_read(tmp_path: Path) -> None:
    assert read_list(listed(tmp_path, "x" * 200)) == ["x" * 200]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\nb\na.jpg\n", r"names a more than once, on the lines 1 and 3"),
        (b"a\nb\xff\n", r"train\.txt is no text in UTF-8 \(line 2\)"),
        (b"a\nb\nc\0d\n", r"train\.txt is no text \(line 3 holds a zero byte\)"),
        ("\n \n", r"train\.txt is empty"),
    ],
)
def test_faulty_lists_are_told_by_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(WsssError, match=message):
        read_list(listed(tmp_path, content))

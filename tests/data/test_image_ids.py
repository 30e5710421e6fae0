"""Ids from paths: plain, readable, different, and each from its own path."""

import re
import unicodedata

import pytest

from wsss.data.sources.image_ids import image_ids, why_unsafe

PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@pytest.mark.parametrize(
    ("photograph", "image_id"),
    [
        ("2007_000032.jpg", "2007_000032"),
        ("Feld Süd/IMG (1).JPG", "Feld_Sud-IMG_1"),
        ("a/b/c.d.jpeg", "a-b-c.d"),
        ("-x.jpg", "x"),
        ("(-x).jpg", "x"),
        ("a__b.png", "a__b"),
        ("50 % & more!.webp", "50_more"),
    ],
)
def test_ids_are_readable(photograph: str, image_id: str) -> None:
    assert image_ids([photograph]) == {image_id: photograph}


@pytest.mark.parametrize("photograph", ["日本/猫.jpg", "Straße.jpg", "(!).jpg", "x" * 150 + ".jpg", "日本/a.jpg"])
def test_a_hash_stands_for_what_is_lost(photograph: str) -> None:
    (image_id,) = image_ids([photograph])
    assert re.search(r"-[0-9a-f]{8}$", image_id)
    assert PLAIN.fullmatch(image_id)
    assert len(image_id) <= 109


def test_no_two_ids_are_equal_even_where_case_does_not_count() -> None:
    photographs = [
        "a.jpg",
        "A.jpg",
        "a.png",
        "a.JPG",
        "b-c.jpg",
        "b/c.jpg",
        "b c.jpg",
        "b_c.jpg",
        "日.jpg",
        "月.jpg",
        "z.jpg",
    ]
    ids = image_ids(photographs)
    assert sorted(ids.values()) == sorted(photographs)
    assert len({image_id.casefold() for image_id in ids}) == len(photographs)
    assert all(PLAIN.fullmatch(image_id) for image_id in ids)
    assert ids["z"] == "z.jpg"


def test_an_id_does_not_depend_on_other_photographs() -> None:
    photographs = [f"Ordner {number}/Föto ({number % 7}).jpg" for number in range(50)]
    together = {photograph: image_id for image_id, photograph in image_ids(photographs).items()}
    assert all(image_ids([photograph]) == {together[photograph]: photograph} for photograph in photographs)
    assert list(image_ids(photographs[::-1])) == list(image_ids(photographs))[::-1]


def test_both_ways_of_writing_accents_give_one_id_but_stay_apart_in_one_folder() -> None:
    for name in ("Süd.jpg", "ガ.jpg"):
        composed, apart = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
        assert composed != apart
        assert list(image_ids([composed])) == list(image_ids([apart]))
        assert len(image_ids([composed, apart])) == 2


def test_ids_are_safe_names_of_files() -> None:
    strange = ["../../x.jpg", "a\nb.jpg", "COM1/..jpg", "x" * 300 + "/y.jpg", ".hidden.jpg", "ü" * 300 + ".jpg"]
    ids = image_ids(strange)
    assert all(PLAIN.fullmatch(image_id) and not why_unsafe(image_id) for image_id in ids)

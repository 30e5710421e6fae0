"""Relative places count from the folder of the config file that sets them."""

from pathlib import Path
from typing import Any

import pytest

from wsss.errors import WsssError
from wsss.settings.places import ConfigFile, place_locations


def placed(locations: Any, *files: ConfigFile, given: Any = None) -> Any:
    return place_locations(locations, files, given)


def test_each_place_counts_from_the_last_file_that_sets_it(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    files = [
        ConfigFile(first, {"locations": {"dataset": "photos", "lists": "lists", "cams": {"a": "a", "b": "b"}}}),
        ConfigFile(second, {"locations": {"lists": "own", "cams": {"b": "c/d"}}, "shards": 2}),
        ConfigFile(tmp_path / "third", {"locations": None}),
    ]
    merged = {"dataset": "photos", "lists": "own", "cams": {"a": "a", "b": "c/d"}}
    expected = {
        "dataset": str(first / "photos"),
        "lists": str(second / "own"),
        "cams": {"a": str(first / "a"), "b": str(second / "c/d")},
    }
    assert placed(merged, *files) == expected
    assert merged["dataset"] == "photos"


def test_absolute_places_and_homes_stay() -> None:
    locations = {"dataset": "/data/photos", "archives": "~/archives", "lists": None, "cams": {}}
    assert placed(locations, ConfigFile(Path("/configs"), {"locations": locations})) == locations


def test_what_the_command_line_or_no_file_sets_counts_from_the_working_directory(tmp_path: Path) -> None:
    file = ConfigFile(tmp_path, {"locations": {"dataset": "photos", "cams": {"a": "a"}}})
    given = {"locations": {"dataset": "here", "cams": {"a": "b"}}}
    assert placed(given["locations"], file, given=given) == given["locations"]
    assert placed({"archives": "downloads"}, file) == {"archives": "downloads"}


def test_dots_in_front_are_taken_out_of_the_path_that_messages_show(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "configs").mkdir()
    file = ConfigFile(tmp_path / "configs", {"locations": {"dataset": "../photos", "lists": "../link/../lists"}})
    found = placed(file.values["locations"], file)
    assert found == {"dataset": str(tmp_path / "photos"), "lists": str(tmp_path / "link/../lists")}


def test_a_folder_that_is_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a/configs").mkdir(parents=True)
    (tmp_path / "configs").symlink_to("a/configs")
    file = ConfigFile(tmp_path / "configs", {"locations": {"dataset": "../photos"}})
    # As the system itself finds configs/../photos.
    assert placed(file.values["locations"], file) == {"dataset": str(tmp_path / "a/photos")}


@pytest.mark.parametrize("locations", [None, [], "photos", {"dataset": 3}, {"cams": ["a"]}, {"dataset": ""}])
def test_what_is_of_no_known_form_is_left_to_the_settings(locations: Any, tmp_path: Path) -> None:
    assert placed(locations, ConfigFile(tmp_path, {"locations": locations})) == locations


def test_a_place_that_only_the_working_directory_has_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    file = ConfigFile(Path("configs"), {"locations": {"dataset": "photos"}})
    with pytest.raises(WsssError) as caught:
        placed(file.values["locations"], file)
    told = (
        f"config: locations.dataset: {tmp_path}/configs/photos is not there: 'photos' counts from the folder of the "
        f"config, {tmp_path}/configs. Write '../photos' for that of the working directory"
    )
    assert str(caught.value) == told
    (tmp_path / "configs/photos").mkdir()
    assert placed(file.values["locations"], file) == {"dataset": str(tmp_path / "configs/photos")}

"""Versions of packages agree with what the packages say of themselves."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from datascan.plugins.installed import find_versions, installed_versions


@pytest.mark.parametrize(
    "name", ["numpy", "h5py", "pillow", "simplejpeg", "protobuf", "google-crc32c"]
)
def test_the_version_is_that_of_the_metadata(name):
    assert find_versions([name]) == {name: version(name)}


def test_names_are_compared_as_installers_do():
    assert find_versions(["Google_CRC32C"]) == {"Google_CRC32C": version("google-crc32c")}
    assert find_versions(["no-such-package"]) == {}


def test_the_package_that_would_be_imported_counts(tmp_path, monkeypatch):
    for folder, number in (("first", "1.0"), ("second", "2.0")):
        (tmp_path / folder / f"Some_Thing-{number}.dist-info").mkdir(parents=True)
    (tmp_path / "second" / "old-3.0-py3.11.egg-info").mkdir()
    monkeypatch.setattr("sys.path", [str(tmp_path / n) for n in ("first", "absent", "second")])
    installed_versions.cache_clear()
    try:
        assert find_versions(["some.thing", "old"]) == {"some.thing": "1.0", "old": "3.0"}
    finally:
        installed_versions.cache_clear()

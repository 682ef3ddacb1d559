"""Members of a registry: found by their file, checked when first looked at, named when wrong."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from springtide.kit.registry import Registry

FINE = """
class Kettle:
    kind = "kettle"
    label = "Kettle"
    def pour(self): ...

class _Hidden:
    kind = "hidden"

class Part:
    "No member: it has no kind of its own."

class Big(Kettle):
    "Nor has what only inherits one."
"""


class Vessel:
    """What members of the tests' registry have."""

    kind: ClassVar[str]
    label: str

    def pour(self) -> None:
        """Pour."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    place = tmp_path / "vessels_of_tests"
    place.mkdir()
    (place / "__init__.py").write_text("")
    (place / "kettles.py").write_text(FINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield place
    for name in [name for name in sys.modules if name.startswith(place.name)]:
        del sys.modules[name]


def registry(folder: Path) -> Registry[Vessel]:
    return Registry("vessel", folder.name, Vessel)


def test_a_class_with_a_kind_in_a_file_of_the_folder_is_a_member(folder: Path) -> None:
    (folder / "cups.py").write_text("from vessels_of_tests.kettles import Kettle\n" + FINE.replace(
        "kettle", "cup").replace("Kettle", "Cup"))  # fmt: skip
    found = registry(folder)
    assert list(found) == ["cup", "kettle"]
    assert len(found) == 2
    assert found["kettle"].__name__ == "Kettle"
    assert "hidden" not in found
    with pytest.raises(KeyError):
        found["hidden"]


def test_a_kind_declared_twice_is_named(folder: Path) -> None:
    (folder / "others.py").write_text(FINE)
    with pytest.raises(TypeError, match="vessel 'kettle' is declared twice"):
        len(registry(folder))


def test_what_a_member_lacks_is_named_with_its_place(folder: Path) -> None:
    (folder / "wrong.py").write_text("class Leaky:\n    kind = 'leaky'\n")
    with pytest.raises(TypeError) as refused:
        list(registry(folder))
    assert "vessels_of_tests.wrong.Leaky is no vessel: it lacks label, pour" in str(refused.value)


def test_an_installed_package_brings_members_of_its_own(folder: Path) -> None:
    (folder.parent / "a_package_of_tests.py").write_text(FINE.replace("kettle", "jug"))
    told = folder.parent / "a_package_of_tests-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: a-package-of-tests\nVersion: 1.0\n"
    )
    (told / "entry_points.txt").write_text("[springtide.vessel]\njug = a_package_of_tests:Kettle\n")
    assert list(registry(folder)) == ["jug", "kettle"]

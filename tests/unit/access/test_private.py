"""Folders that were there before, wider than they may be."""

import logging
from pathlib import Path

import pytest

from springtide.kit.private import make_private

OURS = ("state.db*", "lake")


def _modes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.lstat().st_mode & 0o777
        for path in sorted(folder.rglob("*"))
        if not path.is_symlink()
    }


def _wide(folder: Path) -> None:
    (folder / "lake" / "deep").mkdir(parents=True)
    (folder / "lake" / "deep" / "a.parquet").write_text("a")
    (folder / "state.db-wal").write_text("a")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)


def test_a_folder_of_ours_is_closed_with_all_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("a")
    outside.chmod(0o644)
    data = tmp_path / "data"
    _wide(data)
    (data / "lake" / "link").symlink_to(outside)
    make_private(data, OURS)
    assert data.stat().st_mode & 0o777 == 0o700
    assert _modes(data) == {
        "lake": 0o700, "lake/deep": 0o700, "lake/deep/a.parquet": 0o600, "state.db-wal": 0o600,
    }  # fmt: skip
    assert outside.stat().st_mode & 0o777 == 0o644
    assert not caplog.records


def test_what_is_not_ours_is_left_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "data"
    _wide(data)
    (data / "index.html").write_text("a")
    (data / "index.html").chmod(0o644)
    with caplog.at_level(logging.WARNING):
        make_private(data, OURS)
    assert data.stat().st_mode & 0o777 == 0o777
    assert _modes(data)["index.html"] == 0o644
    assert _modes(data)["lake"] == 0o700
    (record,) = caplog.records
    assert f"chmod 700 {data}" in record.getMessage()


def test_a_new_folder_is_closed(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "data", OURS)
    assert (tmp_path / "a" / "data").stat().st_mode & 0o777 == 0o700

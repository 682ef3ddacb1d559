"""The secret that signs what is handed out: long enough, or nothing starts."""

from pathlib import Path

import pytest

from springtide.bootstrap import look_at_house, open_house
from springtide.settings import (
    SECRET_LENGTH_MIN,
    SecretMissing,
    SecretUnreadable,
    ShortKeptSecret,
    ShortSecret,
    read_settings,
)


def _environment(data: Path, **more: str) -> dict[str, str]:
    return {"SPRINGTIDE_DATA": str(data), **more}


@pytest.mark.parametrize("secret", ["", " ", "\n", "x" * 31, " " * 40, "x" * 31 + " " * 9])
def test_an_empty_or_short_secret_of_the_environment_is_refused(
    tmp_path: Path, secret: str
) -> None:
    with pytest.raises(ShortSecret, match="32 at least") as refused:
        read_settings(_environment(tmp_path, SPRINGTIDE_SECRET=secret))
    assert not secret.strip() or secret.strip() not in str(refused.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("secret", ["", "\n", "x" * 31])
def test_an_empty_or_short_secret_file_is_refused_and_never_made_anew(
    tmp_path: Path, secret: str
) -> None:
    place = tmp_path / "secret"
    place.write_text(secret)
    with pytest.raises(ShortKeptSecret, match=str(place)):
        read_settings(_environment(tmp_path))
    assert place.read_text() == secret


def test_a_secret_file_that_is_no_text_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\xff" * 64)
    with pytest.raises(SecretUnreadable, match="no text"):
        read_settings(_environment(tmp_path))
    (tmp_path / "secret").unlink()
    (tmp_path / "secret").mkdir()
    with pytest.raises(SecretUnreadable, match="directory"):
        read_settings(_environment(tmp_path))


def test_a_secret_of_the_least_length_is_taken_and_a_made_one_is_longer(tmp_path: Path) -> None:
    given = "x" * SECRET_LENGTH_MIN
    assert read_settings(_environment(tmp_path, SPRINGTIDE_SECRET=given)).secret == given
    made = read_settings(_environment(tmp_path)).secret
    assert len(made) >= SECRET_LENGTH_MIN
    assert read_settings(_environment(tmp_path)).secret == made
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("left", ["state.db", "lake/facts/part.parquet"])
def test_a_secret_that_is_gone_from_used_data_is_not_made_anew(tmp_path: Path, left: str) -> None:
    (tmp_path / left).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / left).touch()
    for _ in range(2):
        with pytest.raises(SecretMissing, match=str(tmp_path / "secret")):
            read_settings(_environment(tmp_path))
    assert not (tmp_path / "secret").exists()
    given = "x" * SECRET_LENGTH_MIN
    assert read_settings(_environment(tmp_path, SPRINGTIDE_SECRET=given)).secret == given
    # The way out: one that a person wrote.
    (tmp_path / "secret").write_text(given)
    assert read_settings(_environment(tmp_path)).secret == given


def test_an_empty_lake_is_no_use(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    assert read_settings(_environment(tmp_path)).signing_from == "made now"
    assert read_settings(_environment(tmp_path)).signing_from == "file"


def test_a_restore_that_was_cut_off_brings_its_secret_before_all_else(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()
    stage = tmp_path / ".restore"
    stage.mkdir()
    (stage / "secret").write_text("r" * SECRET_LENGTH_MIN)
    with pytest.raises(SecretMissing):
        read_settings(_environment(tmp_path))
    (stage / "ready.json").touch()
    assert read_settings(_environment(tmp_path)).secret == "r" * SECRET_LENGTH_MIN


def test_a_new_secret_is_none_for_a_database_that_knows_another(
    tmp_path: Path, database_url: str
) -> None:
    used = _environment(tmp_path / "one", SPRINGTIDE_DATABASE_URL=database_url)
    open_house(read_settings(used)).close()
    open_house(read_settings(used)).close()
    emptied = _environment(tmp_path / "two", SPRINGTIDE_DATABASE_URL=database_url)
    for _ in range(2):
        with pytest.raises(SecretMissing):
            open_house(read_settings(emptied))
    # To look is to leave no secret behind either, which the next start would take for it.
    look_at_house(read_settings(emptied)).close()
    assert not (tmp_path / "two" / "secret").exists()
    secret = read_settings(used).secret
    open_house(read_settings({**emptied, "SPRINGTIDE_SECRET": secret})).close()

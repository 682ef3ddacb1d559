"""Whatever a person reads is there in Chinese, and the catalogues hold nothing else."""

import re
import string
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

SOURCE = Path(__file__).parents[2] / "src" / "springtide"
CATALOGUES = sorted((SOURCE / "locales" / "zh_Hans").glob("*.po"))
#: Of ``_n(one, many, count)`` the plural is the text that is translated.
KEYWORDS = {"_": None, "N_": None, "translate": None, "_n": (2,)}
#: Names that are the same in both languages.
SAME = re.compile(r"[A-Za-z0-9 .,·&:/()+%–-]{1,24}")


@cache
def texts() -> dict[str, list[str]]:
    """Return every text that code and templates mark, with where it stands."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(SOURCE.rglob("*")):
        if path.suffix not in (".py", ".html") or "vendor" in path.parts:
            continue
        method = "python" if path.suffix == ".py" else babel_extract
        with path.open("rb") as file:
            for line, text, _, _ in extract(method, file, keywords=KEYWORDS):  # type: ignore[arg-type]
                for each in (text,) if isinstance(text, str) else text:
                    if each:
                        found[each].append(f"{path.relative_to(SOURCE)}:{line}")
    return dict(found)


def messages() -> Iterator[tuple[Path, Message]]:
    for path in CATALOGUES:
        with path.open("rb") as file:
            yield from ((path, each) for each in read_po(file, locale="zh_Hans_CN") if each.id)


def fields(text: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_the_extraction_finds_texts_in_code_and_in_templates() -> None:
    places = " ".join(place for found in texts().values() for place in found)
    assert "web/frame/layout.html" in places
    assert "kit/errors.py" in places
    assert len(texts()) > 400


def test_every_text_has_a_chinese_translation() -> None:
    known = {str(each.id) for _, each in messages() if each.string}
    missing = [f"{text!r} ({places[0]})" for text, places in texts().items() if text not in known]
    assert missing == []


def test_no_catalogue_holds_a_text_that_nothing_uses() -> None:
    stale = [f"{path.name}: {each.id!r}" for path, each in messages() if each.id not in texts()]
    assert stale == []


def test_no_translation_is_a_guess() -> None:
    fuzzy = [f"{path.name}: {each.id!r}" for path, each in messages() if each.fuzzy]
    assert fuzzy == []


def test_a_text_reads_the_same_in_every_catalogue() -> None:
    readings: dict[str, set[str]] = defaultdict(set)
    for _, each in messages():
        readings[str(each.id)].add(str(each.string))
    assert {text: found for text, found in readings.items() if len(found) > 1} == {}


def test_a_translation_fills_in_the_same_facts() -> None:
    wrong = [
        f"{path.name}: {each.id!r} -> {each.string!r}"
        for path, each in messages()
        if set(fields(str(each.id))) != set(fields(str(each.string)))
    ]
    assert wrong == []


def test_a_translation_is_in_chinese() -> None:
    foreign = [
        f"{path.name}: {each.id!r} -> {each.string!r}"
        for path, each in messages()
        if not re.search(r"[\u4e00-\u9fff]", str(each.string))
        and not SAME.fullmatch(re.sub(r"\{\w*\}", "", str(each.id)) or "-")
    ]
    assert foreign == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_can_be_read_strictly(path: Path) -> None:
    with path.open("rb") as file:
        read_po(file, locale="zh_Hans_CN", abort_invalid=True)

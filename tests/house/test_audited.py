"""Nothing is audited without a name: every action is declared, with words in both languages."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.flows.people.audit_log import GROUP_WORDS, WORDS, by_group
from springtide.flows.timeline.model import State
from springtide.flows.timeline.runner import ENDED
from springtide.kit.i18n import translate

SOURCE = Path(__file__).parents[2] / "src" / "springtide"
#: What writes an entry; the first is the one place that inserts a row.
RECORDERS = {"record_audit", "record_act", "record_of_person", "record_failure"}


@cache
def modules() -> tuple[tuple[Path, ast.Module], ...]:
    return tuple((path, ast.parse(path.read_text())) for path in sorted(SOURCE.rglob("*.py")))


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def declared() -> dict[str, str]:
    """Return every declaration in the code: its action's code, and where it stands."""
    found: dict[str, str] = {}
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node) == "AuditAction":
                code = node.args[0]
                assert isinstance(code, ast.Constant), path
                found[str(code.value)] = str(path.relative_to(SOURCE))
    return found


def test_an_action_is_declared_at_the_top_of_its_module() -> None:
    inside = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path, tree in modules()
        for holder in ast.walk(tree)
        if isinstance(holder, ast.FunctionDef | ast.ClassDef | ast.Lambda)
        for node in ast.walk(holder)
        if isinstance(node, ast.Call) and name_of(node) == "AuditAction"
    ]
    assert inside == []
    assert len(declared()) > 80


def test_every_action_that_the_code_declares_is_known_to_page_and_export_alone() -> None:
    # In a process of its own: what others imported must not count.
    program = "from springtide.flows.people.audit_log import WORDS; print(*WORDS)"
    told = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    missing = {code: place for code, place in declared().items() if code not in told.stdout.split()}
    assert missing == {}


def test_every_action_and_group_has_words_in_both_languages() -> None:
    texts = [*WORDS.values(), *GROUP_WORDS.values()]
    assert len(texts) > 80
    assert [text for text in texts if translate(text, "zh") == text] == []
    assert set(GROUP_WORDS) == set(AuditGroup)
    assert all(by_group().values())


def test_no_call_records_a_code_of_its_own() -> None:
    calls = [
        (f"{path.relative_to(SOURCE)}:{node.lineno}", keyword.value)
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and name_of(node) in RECORDERS
        for keyword in node.keywords
        if keyword.arg == "action"
    ]
    assert len(calls) > 60
    assert [
        place for place, value in calls if isinstance(value, ast.Constant | ast.JoinedStr)
    ] == []


def test_rows_of_the_log_are_inserted_in_one_place() -> None:
    places = [
        str(path.relative_to(SOURCE))
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and name_of(node) in ("insert", "insert_into", "insert_rows")
        and any(isinstance(each, ast.Name) and each.id == "audit_log" for each in node.args)
    ]
    assert places == ["domain/access/operations/audit.py"]


def test_a_second_declaration_of_a_code_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        AuditAction("key.create", "Another", AuditGroup.KEYS)
    with pytest.raises(ValueError, match="words"):
        AuditAction("key.unnamed", "", AuditGroup.KEYS)
    assert "key.unnamed" not in WORDS


def test_every_end_of_an_action_is_named() -> None:
    assert set(ENDED) == set(State) - {State.RUNNING}

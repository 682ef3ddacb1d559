"""Write docs/reference from the code: commands, errors, metrics, rules, actions, channels, formats.

``make docs`` writes the pages; a house test fails when one is not what the code says.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
import typer

import springtide
from springtide.cli.__main__ import build
from springtide.connectors.files import FORMATS
from springtide.domain.board.metrics import METRICS
from springtide.domain.facts.kinds import EVENT_KINDS
from springtide.domain.outreach.ports import channels
from springtide.domain.pricing.rules import RULES
from springtide.flows.timeline.action import KINDS
from springtide.flows.timeline.holding import needs
from springtide.kit.errors import Refusal
from springtide.kit.i18n import translate

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_NOTE = "<!-- Written by `make docs` from the code; change the code instead. -->"


def pages() -> dict[str, str]:
    """Return every page of the reference by its file name."""
    makers: dict[str, Callable[[], str]] = {
        "commands.md": _commands,
        "errors.md": _errors,
        "metrics.md": _metrics,
        "rules.md": lambda: _kinds("Promotion rules", RULES.items()),
        "actions.md": _actions,
        "channels.md": lambda: _kinds("Outreach channels", channels.items()),
        "events.md": _events,
        "formats.md": lambda: _kinds("File formats", FORMATS.items()),
    }
    return {name: f"{_NOTE}\n{make()}" for name, make in makers.items()}


def _commands() -> str:
    lines = ["# Commands", ""]

    def walk(command: Any, path: str) -> None:
        context = click.Context(command, info_name=path, terminal_width=90)
        lines.extend([f"## `{path}`", "", "```", _help(command, context), "```", ""])
        for name, inner in sorted(getattr(command, "commands", {}).items()):
            walk(inner, f"{path} {name}")

    walk(typer.main.get_command(build()), "springtide")
    return "\n".join(lines).rstrip() + "\n"


def _help(command: Any, context: Any) -> str:
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return text.strip()


def _errors() -> str:
    _import_all()
    found = sorted({(cls.code, cls.status, cls.text) for cls in _subclasses(Refusal)})
    rows = [[f"`{code}`", str(status), text, translate(text, "zh")] for code, status, text in found]
    return _page(
        "Error codes",
        "Codes never change; texts may. The API sends them as `code` of an RFC 9457 problem.",
        ["code", "status", "English", "简体中文"],
        rows,
    )


def _metrics() -> str:
    rows = [
        [f"`{kind}`", metric.label, translate(metric.label, "zh"), metric.unit.value,
         metric.definition, translate(metric.definition, "zh")]
        for kind, metric in METRICS.items()
    ]  # fmt: skip
    header = ["kind", "name", "名称", "unit", "definition", "定义"]
    return _page(
        "Metrics", "One definition each, the same live, in replay and in review.", header, rows
    )


def _actions() -> str:
    needed = needs()
    rows = []
    for kind, member in KINDS.items():
        said = (inspect.getdoc(member) or "").partition("\n\n")[0].replace("\n", " ")
        waits_for = ", ".join(f"`{each}`" for each in sorted(needed[kind]))
        opens = f"`{member.opens}`" if member.opens else ""
        rows.append([f"`{kind}`", member.label, translate(member.label, "zh"), said, waits_for,
                     opens])  # fmt: skip
    header = ["kind", "name", "名称", "what it is", "waits for", "opens"]
    return _page("Phase actions", "", header, rows)


def _events() -> str:
    rows = []
    for kind, member in EVENT_KINDS.items():
        said = (inspect.getdoc(member) or "").replace("\n", " ")
        sent = "yes" if member.is_sent else ""
        words = ", ".join(f"`{word}`" for word in member.words)
        row = "yes" if member.row else ""
        rows.append([f"`{kind}`", member.label, translate(member.label, "zh"), said, sent, row,
                     words])  # fmt: skip
    header = ["kind", "name", "名称", "what it is", "`POST /v1/events`", "row of a table", "words"]
    return _page("Kinds of events", "What the facts of a shop can tell.", header, rows)


def _kinds(title: str, members: Iterable[tuple[str, Any]]) -> str:
    rows = []
    for kind, member in members:
        label = getattr(member, "label", "") or getattr(member, "title", "")
        said = (inspect.getdoc(member) or "").partition("\n\n")[0].replace("\n", " ")
        rows.append([f"`{kind}`", label, translate(label, "zh") if label else "", said])
    return _page(title, "", ["kind", "name", "名称", "what it is"], rows)


def _page(title: str, lead: str, header: list[str], rows: list[list[str]]) -> str:
    lines = [f"# {title}", ""] + ([lead, ""] if lead else [])
    lines += [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines += [f"| {' | '.join(row)} |" for row in escaped]
    return "\n".join(lines) + "\n"


def _import_all() -> None:
    for info in pkgutil.walk_packages(springtide.__path__, "springtide."):
        if ".versions." not in info.name and not info.name.endswith((".env", "__main__")):
            importlib.import_module(info.name)


def _subclasses(cls: type[Refusal]) -> set[type[Refusal]]:
    own = {inner for inner in cls.__subclasses__() if inner.__module__.startswith("springtide.")}
    return own.union(*(_subclasses(inner) for inner in own))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)

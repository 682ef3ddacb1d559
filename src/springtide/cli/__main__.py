"""The `springtide` command: mounts every module of this folder; turns refusals into one line."""

import importlib
import os
import pkgutil
import sys
import traceback
from types import ModuleType
from typing import Annotated, NoReturn

import typer

import springtide
from springtide import cli
from springtide.kit.errors import Invalid, OuterCallError, Refusal, printable
from springtide.kit.private import write_privately

REFUSED, OUTER_FAILURE, FAULT, INTERRUPTED = 1, 3, 70, 130
DEBUG = "SPRINGTIDE_DEBUG"


def build() -> typer.Typer:
    """Return the root command with every group and command of the folder."""
    root = typer.Typer(
        name="springtide",
        help="Plan, warm up, run and review a big sale, in one closed loop.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # Plain help: Rich alone costs 0.3 s of start.
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    root.callback()(_version_option)
    for module in _modules():
        if register := getattr(module, "register", None):
            register(root)
        elif app := getattr(module, "app", None):
            root.add_typer(app, name=getattr(module, "name", module.__name__.rpartition(".")[2]))
    return root


def main() -> NoReturn:
    """Run the command line; exit 0 when done, 1 refused, 2 wrong usage, 3 the outer world failed.

    Only here: Ctrl-C ends with 130, as shells expect; a fault of ours with 70. Every end is a
    sentence; ``--traceback`` or SPRINGTIDE_DEBUG shows where it happened.
    """
    write_privately()
    try:
        build()()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output (head, less) has enough of it.
        sys.stderr.close()
    except Exception as error:
        if os.environ.get(DEBUG, "0") not in ("", "0"):
            traceback.print_exception(error)
        sys.exit(_explained(error))
    sys.exit(0)


def _explained(error: Exception) -> int:
    """Say in a sentence why a command ended, and the way out; return its exit code."""
    from springtide.kit.outage import Outage, outage_of  # only now: it takes the slow imports

    outage = None if isinstance(error, OuterCallError) else outage_of(error)
    if outage is not None:
        _say(f"{_cause(outage, error)}; {outage.way_out} ({outage.code})")
        return OUTER_FAILURE
    if isinstance(error, Refusal) and not isinstance(error, Outage):
        _complain(error)
        return REFUSED
    if isinstance(error, OuterCallError):
        _complain(error)
        return OUTER_FAILURE
    if isinstance(error, OSError) and error.strerror:
        _say(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
        return OUTER_FAILURE
    _say(
        f"a fault of Springtide ended this ({type(error).__name__}: {error}); "
        f"run it again with {DEBUG}=1 and report what it shows"
    )
    return FAULT


def _cause(outage: Refusal, error: Exception) -> str:
    """Return the machine's own word for an outage, in a line."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    word = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return word or outage.code


def _say(text: str) -> None:
    line = " ".join(text.split())
    print(f"springtide: {printable(line)[:600]}", file=sys.stderr)


def _modules() -> list[ModuleType]:
    names = sorted(info.name for info in pkgutil.iter_modules(cli.__path__))
    return [importlib.import_module(f"springtide.cli.{name}") for name in names if name[0] != "_"]


def _complain(error: Exception) -> None:
    lines = [str(error)]
    if isinstance(error, Invalid):
        lines += [f"  {field}: {refusal}" for field, refusal in error.fields.items()]
    print("springtide: " + "\n".join(map(printable, lines)), file=sys.stderr)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"springtide {springtide.__version__}")
        raise typer.Exit


def _version_option(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
    show_traceback: Annotated[
        bool,
        typer.Option("--traceback", help="Show where a command failed."),
    ] = False,
) -> None:
    if show_traceback:
        os.environ[DEBUG] = "1"


if __name__ == "__main__":
    main()

"""The `springtide` command: mounts every module of this folder; turns refusals into one line."""

import importlib
import pkgutil
import sys
from types import ModuleType
from typing import Annotated, NoReturn

import typer

import springtide
from springtide import cli
from springtide.kit.errors import Invalid, OuterCallError, Refusal, printable
from springtide.kit.private import write_privately

REFUSED, OUTER_FAILURE = 1, 3


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

    Only here: Ctrl-C ends with 130, as shells expect.
    """
    write_privately()
    try:
        build()()
    except Refusal as refusal:
        _complain(refusal)
        sys.exit(REFUSED)
    except OuterCallError as error:
        _complain(error)
        sys.exit(OUTER_FAILURE)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output (head, less) has enough of it.
        sys.stderr.close()
    sys.exit(0)


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
) -> None:
    pass


if __name__ == "__main__":
    main()

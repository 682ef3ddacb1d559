"""Compile the pricing core to machine code, where a C compiler is at hand; else it is interpreted.

The sources stay what is read and tested. What is compiled lies in src/springtide/compiled beside a
stamp of the sources it was made from; with other sources it is not used (springtide.kit.compiled).
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
TARGET = SOURCE / "springtide" / "compiled"
WORK = ROOT / "build" / "compile"
LOCK = ROOT / "requirements-compile.lock"


def main() -> None:
    """Compile, or say why not; prices are the same either way."""
    shutil.rmtree(TARGET, ignore_errors=True)
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    if not (shutil.which("cc") or shutil.which("gcc")) or not header.is_file():
        _say("no C compiler with Python's headers: pricing runs interpreted, at half the speed")
        return
    shutil.rmtree(WORK, ignore_errors=True)
    tools, copy = WORK / "tools", WORK / "src"
    _pip(tools)
    shutil.copytree(SOURCE / "springtide", copy / "springtide", ignore=_only_python)
    sys.path.insert(0, str(SOURCE))
    from springtide.kit.compiled import MODULES, write_stamp  # noqa: PLC0415 - needs the path

    files = [f"springtide/{name}" for name in MODULES]
    environment = {**os.environ, "PYTHONPATH": str(tools)}
    command = [sys.executable, "-m", "mypyc", "--ignore-missing-imports", *files]
    done = subprocess.run(  # noqa: S603 - our own command and files
        command, cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        _say("it did not compile, so pricing runs interpreted:")
        sys.stderr.write(done.stdout[-2_000:] + done.stderr[-2_000:])
        return
    TARGET.mkdir(parents=True)
    for built in copy.rglob("*.so"):
        if "build" not in built.relative_to(copy).parts:
            place = TARGET / built.relative_to(copy).name
            shutil.copyfile(built, place)
    write_stamp()
    shutil.rmtree(WORK)


def _pip(target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "-q", "--require-hashes", "--no-deps"]
    subprocess.run(  # noqa: S603 - our own command and pinned files
        [*command, "--target", str(target), "-r", str(LOCK)], check=True
    )


def _only_python(folder: str, names: list[str]) -> set[str]:
    return {
        name for name in names if not (Path(folder) / name).is_dir() and not name.endswith(".py")
    } | ({"static", "compiled", "__pycache__"} & set(names))


def _say(text: str) -> None:
    sys.stderr.write(f"compile: {text}\n")


if __name__ == "__main__":
    main()

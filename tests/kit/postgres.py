"""A throwaway PostgreSQL server on loopback, from the binaries of the machine."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.ports import free_port


def binaries() -> Path | None:
    """Return the folder of PostgreSQL's server binaries, newest version first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if found:
        return found[0].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """Run a server till the end of the block; give its address without a database name.

    Tests need no durable one; what is measured does.
    """
    folder = binaries()
    if folder is None:
        raise RuntimeError("no PostgreSQL here: make test installs it")
    # PostgreSQL refuses to run as root, so its files belong to its own user then.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    home = Path(tempfile.mkdtemp(prefix="springtide-pg-"))
    if as_user:
        shutil.chown(home, "postgres", "postgres")
    port = free_port()

    def run(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd="/")

    data = home / "data"
    run(str(folder / "initdb"), "-D", str(data), "-U", "springtide", "-A", "trust", "-E", "UTF8")
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {home} -c max_connections=200"
    options += " -c timezone=UTC"
    if not durable:
        options += " -c fsync=off -c full_page_writes=off"
    run(
        str(folder / "pg_ctl"),
        "-D",
        str(data),
        "-w",
        "-l",
        str(home / "log"),
        "-o",
        options,
        "start",
    )
    try:
        yield f"postgresql://springtide@127.0.0.1:{port}"
    finally:
        run(str(folder / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(home, ignore_errors=True)

"""Every package that the locks pin: of Python from requirements*.lock, of npm from assets."""

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Lock -> what its packages are for. A package of several is for the first that names it.
LOCKS = {
    "requirements.lock": "run",
    "requirements-demo.lock": "demo",
    "requirements-build.lock": "set-up",
    "requirements-compile.lock": "set-up",
    "requirements-assets.lock": "set-up",
    "requirements-dev.lock": "tests",
}
_NPM = "assets/package-lock.json"
_PIN = re.compile(r"([A-Za-z0-9._-]+)==(\S+)(?:\s*;\s*([^\\]*))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"\s*#\s+(?:via\s+)?([A-Za-z0-9._-]+)(?:\s.*)?")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package at one version, as a lock names it."""

    ecosystem: str  # PyPI or npm
    name: str
    version: str
    purpose: str
    lock: str
    marker: str = ""
    #: (algorithm, hex digest) of the files that set-up accepts.
    hashes: tuple[tuple[str, str], ...] = ()
    #: Packages of the same ecosystem that ask for it.
    wanted_by: frozenset[str] = field(default=frozenset())
    licence: str = ""


def pins(root: Path = ROOT) -> list[Pin]:
    """Return every pinned package once, those of the running shop first."""
    found: dict[tuple[str, str, str], Pin] = {}
    for lock, purpose in LOCKS.items():
        for pin in _python_pins((root / lock).read_text(), lock, purpose):
            found.setdefault((pin.ecosystem, pin.name, pin.version), pin)
    for pin in _npm_pins((root / _NPM).read_text()):
        found.setdefault((pin.ecosystem, pin.name, pin.version), pin)
    return list(found.values())


def _python_pins(text: str, lock: str, purpose: str) -> list[Pin]:
    found = []
    # A pin begins at the margin; its hashes and who wants it are indented below.
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        head = _PIN.match(block)
        if head is None:
            continue
        wanted = {
            match[1]
            for line in block.splitlines()
            if (match := _VIA.fullmatch(line)) and match[1] not in ("via", "springtide")
        }
        found.append(
            Pin(
                ecosystem="PyPI",
                name=head[1],
                version=head[2],
                purpose=purpose,
                lock=lock,
                marker=(head[3] or "").strip(),
                hashes=tuple(("SHA-256", digest) for digest in _HASH.findall(block)),
                wanted_by=frozenset(wanted),
            )
        )
    return found


def _npm_pins(text: str) -> list[Pin]:
    packages = json.loads(text)["packages"]
    wanted: dict[str, set[str]] = {}
    for path, package in packages.items():
        for name in package.get("dependencies", {}):
            wanted.setdefault(name, set()).add(_npm_name(path))
    found = []
    for path, package in packages.items():
        if not path:
            continue
        algorithm, _, digest = package["integrity"].partition("-")
        found.append(
            Pin(
                ecosystem="npm",
                name=_npm_name(path),
                version=package["version"],
                purpose="run",
                lock=_NPM,
                hashes=((_ALGORITHMS[algorithm], base64.b64decode(digest).hex()),),
                wanted_by=frozenset(wanted.get(_npm_name(path), set()) - {""}),
                licence=package.get("license", ""),
            )
        )
    return found


_ALGORITHMS = {"sha512": "SHA-512", "sha384": "SHA-384", "sha256": "SHA-256", "sha1": "SHA-1"}


def _npm_name(path: str) -> str:
    return path.rpartition("node_modules/")[2]

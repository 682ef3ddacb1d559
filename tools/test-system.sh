#!/usr/bin/env bash
# What the tests need from Debian: a PostgreSQL server, a Chromium, a font with Chinese.
set -euo pipefail
. "$(dirname "$0")/apt.sh"
wanted=()
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || wanted+=(postgresql)
command -v chromium >/dev/null || wanted+=(chromium)
ls /usr/share/fonts/opentype/noto/NotoSansCJK-* >/dev/null 2>&1 || wanted+=(fonts-noto-cjk)
command -v runuser >/dev/null || wanted+=(util-linux)
if [ ${#wanted[@]} -gt 0 ]; then
  echo "Installing for the tests: ${wanted[*]} ..."
  apt_install "${wanted[@]}"
fi

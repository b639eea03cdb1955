#!/usr/bin/env bash
# Installs and builds what is missing or out of date, then becomes the server. Arguments go to the server.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# npm writes this file last, so a broken install counts as none; likewise the build and its stamp.
installed=$root/node_modules/.package-lock.json
built=$root/dist/.built

if ! command -v node >/dev/null || ! node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)'; then
  echo "verbatim: expected Node.js 20.19 or newer, found $(node --version 2>/dev/null || echo none)" >&2
  exit 1
fi

if [[ ! -e $installed || $root/package-lock.json -nt $installed ]]; then
  echo 'verbatim: installing' >&2
  npm --prefix "$root" ci --no-audit --no-fund --loglevel=error >&2
  touch -- "$installed"
fi

if [[ ! -e $built || $installed -nt $built || -n $(find "$root/src" "$root"/tsconfig*.json -newer "$built" -print -quit) ]]; then
  echo 'verbatim: building' >&2
  npm --prefix "$root" run --silent build >&2
fi

exec node "$root/dist/cli/main.js" "$@"

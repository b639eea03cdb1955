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

# A missing file is reported now, not after the installation. Arguments after a flag may be its value. Patterns, and fields after a question
# mark, are the program's to read.
previous=
for argument; do
  # What follows is a command that `record` runs. The output of `convert` needn't exist.
  if [[ $argument == -- || ${1-} == convert ]]; then break; fi
  file=$argument
  if [[ $argument =~ ^[^/=]+=(.*)$ ]]; then file=${BASH_REMATCH[1]}; fi
  if [[ $argument != -* && ($previous != -* || $previous == *=*) && $file == *[./]* && $file != *[*?]* && ! -e $file ]]; then
    echo "verbatim: $file: there is no such file" >&2
    exit 1
  fi
  previous=$argument
done

# Any earlier build has the help.
if [[ ${1-} =~ ^(-h|--help)$ && -e $installed && -e $built ]]; then exec node "$root/dist/bundle/bin.js" --help; fi

# npm prints only errors while it installs, and this a line every few seconds.
watch_install() {
  while sleep 5 >/dev/null 2>&1; do
    echo "verbatim: installing, $(du -sk "$root/node_modules" 2>/dev/null | awk '{ mb = $1 / 1024 } END { printf "%.0f", mb }') MB so far" >&2
  done
}

if [[ ! -e $installed || $root/package-lock.json -nt $installed ]]; then
  echo 'verbatim: installing what the server and its build need, about 160 MB' >&2
  watch_install &
  watcher=$!
  trap 'kill "$watcher" 2>/dev/null || true' EXIT
  # Leaves out what tests and benchmarks need.
  npm --prefix "$root" ci --omit=dev --no-audit --no-fund --loglevel=error --no-progress >/dev/null
  kill "$watcher"
  trap - EXIT
  touch -- "$installed"
fi

if [[ ! -e $built || $installed -nt $built || -n $(find "$root"/{src,build} "$root"/tsconfig*.json -newer "$built" -print -quit) ]]; then
  echo 'verbatim: building' >&2
  npm --prefix "$root" run --silent build:server >&2
fi

exec node "$root/dist/bundle/bin.js" "$@"

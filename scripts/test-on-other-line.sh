#!/usr/bin/env bash
# Runs the unit tests on the other supported line of Node: 24 where the rest runs on 26, else 26. After
# `npm run setup` and `npm run build:test`; what is written after the script's name goes to build/test/run.js.
# An addon is compiled for one line, and modules are found by where a file is: so it all happens in a copy of this folder.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/with-node.sh
source scripts/with-node.sh

use_node
other=$OTHER_LINE
if (($(node_line) == other)); then
  other=$BROUGHT_LINE
fi
# From here on its npm scripts, and with-node.sh in the copy, find the other line in PATH.
use_node "$other"

copy=.node/copy-for-$other
rm -rf "$copy"
mkdir -p "$copy"
trap 'rm -rf "$copy"' EXIT
tar -c --exclude=./.node --exclude=./.git --exclude=./node_modules/cap/build . | tar -x -C "$copy"
(
  cd "$copy"
  bash scripts/setup.sh
  printf 'Node %s\n' "$(node --version)"
  node build/test/run.js --kind unit "$@"
)

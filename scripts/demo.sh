#!/usr/bin/env bash
# Shows the agent at work: a network namespace as pod, real clients, and what the agent wrote. Leaves nothing behind.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ((EUID != 0)); then
  echo 'The demo makes network namespaces and captures packets: run it as root (sudo npm run demo)' >&2
  exit 1
fi
bash scripts/setup.sh
npm run --silent build:test
exec bash scripts/with-node.sh node build/scripts/demo/main.js

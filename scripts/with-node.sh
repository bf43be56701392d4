#!/usr/bin/env bash
# Runs a command with a supported Node first in PATH, so that all it starts uses that one too. The machine's own Node is
# taken if it is new enough. Otherwise the one that scripts/node/ pins comes, once, as an npm package into .node/, which
# `npm ci` leaves alone.
#
#     bash scripts/with-node.sh [--line 24|26] COMMAND…
#
# --line wants exactly that line. A script that wants the Node for itself sources this file and calls `use_node [LINE]`.
set -euo pipefail

readonly OLDEST_LINE=24 # also in package.json (engines) and src/commands/supported-node.ts
# The image has the same line (Dockerfile, .nvmrc), so that what is tested is what is shipped: docs/adr/0031.
readonly BROUGHT_LINE=26
# shellcheck disable=SC2034 # for test-on-other-line.sh
readonly OTHER_LINE=24
NODE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
readonly NODE_ROOT

# node_line: the major version of the Node in PATH; 0 without one.
node_line() {
  local version
  version=$(node --version 2>/dev/null) || version=v0
  version=${version#v}
  printf '%s' "${version%%.*}"
}

# bring_node LINE: prints the folder of the pinned Node of a line, which is brought if it is not there.
bring_node() {
  local line=$1 pins=$NODE_ROOT/scripts/node/$1 processor version home scratch old
  [[ -e $pins/package.json ]] || node_fail "there is no Node $line in scripts/node"
  case $(uname -m) in
  x86_64) processor=x64 ;;
  aarch64) processor=arm64 ;;
  *) node_fail "Node $OLDEST_LINE or newer is needed, and there is none to bring for $(uname -m): install it" ;;
  esac
  version=$(sed -n "s/^ *\"node-linux-$processor\": \"\(.*\)\",\{0,1\}\$/\1/p" "$pins/package.json")
  home=$NODE_ROOT/.node/$version
  if [[ ! -x $home/bin/node ]]; then
    command -v npm >/dev/null || node_fail "npm is needed to bring Node $version: install Node $OLDEST_LINE or newer"
    printf 'setup: bringing Node %s\n' "$version" >&2
    mkdir -p "$NODE_ROOT/.node"
    # Made aside and renamed: who looks meanwhile, or after a break, finds all of it or nothing.
    scratch=$(mktemp -d "$NODE_ROOT/.node/new.XXXXXX")
    cp "$pins/package.json" "$pins/package-lock.json" "$scratch"
    (cd "$scratch" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) || {
      rm -rf "$scratch"
      node_fail "npm could not bring Node $version, see above"
    }
    for old in "$NODE_ROOT/.node/$line".*; do rm -rf "$old"; done
    mv -T "$scratch/node_modules/node-linux-$processor" "$home" 2>/dev/null || [[ -x $home/bin/node ]] ||
      node_fail "npm brought no Node $version"
    rm -rf "$scratch"
  fi
  printf '%s' "$home"
}

node_fail() {
  printf 'setup: Cannot go on: %s\n' "$1" >&2
  exit 1
}

# use_node [LINE]: puts a supported Node first in PATH, unless the one there is.
use_node() {
  local line=${1:-} own home
  own=$(node_line)
  if [[ -n $line ]]; then
    ((own != line)) || return 0
  else
    ((own < OLDEST_LINE)) || return 0
  fi
  home=$(bring_node "${line:-$BROUGHT_LINE}")
  "$home/bin/node" --version >/dev/null || node_fail 'the Node that was brought does not start; run scripts/setup.sh'
  export PATH=$home/bin:$PATH
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  wanted=
  if [[ ${1:-} == --line ]]; then
    wanted=${2:-}
    shift 2
  fi
  use_node "$wanted"
  exec "$@"
fi

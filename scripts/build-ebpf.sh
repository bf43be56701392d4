#!/usr/bin/env bash
# Compiles the eBPF program to dist/connections.bpf.o, which the agent loads with USE_EBPF=Y. One object serves all kernels
# and both amd64 and arm64 (CO-RE). Without clang the rest of the agent can still be built: it then says what is missing.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SOURCE=src/process/ebpf/connections.bpf.c
readonly OBJECT=dist/connections.bpf.o

if ! command -v clang >/dev/null || [[ ! -e /usr/include/bpf/bpf_helpers.h ]]; then
  printf 'build: no eBPF program, as clang or libbpf-dev is not installed (npm run setup)\n' >&2
  exit 0
fi
mkdir -p dist
if [[ ! $OBJECT -nt $SOURCE || ! $OBJECT -nt ${BASH_SOURCE[0]} ]]; then
  # -g is for BTF; where it was compiled must not stand in the object, so that it is the same wherever that is
  clang -O2 -g -fdebug-compilation-dir=. -target bpf -D__TARGET_ARCH_x86 -Wall -Werror -c "$SOURCE" -o "$OBJECT"
fi

#!/usr/bin/env bash
# Makes a Debian 12 or 13 machine ready to build, test, demonstrate and measure the agent: system packages, Node where the
# machine's own is too old, npm packages, build. Does only what is missing, so it costs next to nothing when all is there.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/with-node.sh
source scripts/with-node.sh

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# command:package, looked up in PATH and in the administrator's directories.
readonly COMMANDS=(
  g++:g++ make:make python3:python3 clang:clang
  tcpdump:tcpdump tshark:tshark tcpreplay:tcpreplay
  iptables:iptables ip:iproute2 ethtool:ethtool
  dnsmasq:dnsmasq-base unbound:unbound dig:bind9-dnsutils
  nginx:nginx-light openssl:openssl curl:curl wget:wget gnutls-cli:gnutls-bin
  chromium:chromium ps:procps nsenter:util-linux mkfs.ext4:e2fsprogs shellcheck:shellcheck kubectl:kubernetes-client
)
# file:package, for packages without a command.
readonly FILES=(
  /usr/include/pcap/pcap.h:libpcap-dev
  /usr/include/bpf/bpf_helpers.h:libbpf-dev
  /etc/ssl/certs/ca-certificates.crt:ca-certificates
  "/usr/lib/$(uname -m)-linux-gnu/libatomic.so.1:libatomic1" # Node 26 needs it
)
readonly POLICY=/usr/sbin/policy-rc.d

missing_packages() {
  local entry PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
  for entry in "${COMMANDS[@]}"; do
    command -v "${entry%%:*}" >/dev/null || printf '%s\n' "${entry#*:}"
  done
  for entry in "${FILES[@]}"; do
    [[ -e ${entry%%:*} ]] || printf '%s\n' "${entry#*:}"
  done
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  else
    sudo -- "$@"
  fi
}

policy_is_ours=
remove_policy() {
  [[ -z $policy_is_ours ]] || as_root rm -f "$POLICY"
  policy_is_ours=
}
trap remove_policy EXIT

install_packages() {
  command -v apt-get >/dev/null || fail "Cannot install $*: this script knows apt-get only; install them by other means"
  ((EUID == 0)) || command -v sudo >/dev/null || fail "Cannot install $*: run this script as root once"
  say "installing $*"
  # A package's daemon (nginx) is wanted as a program of the tests, not as a service of this machine.
  if [[ ! -e $POLICY ]]; then
    policy_is_ours=1
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
  fi
  local log
  log=$(mktemp)
  if ! {
    as_root apt-get update -qq &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"
  } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    fail "Cannot install $*: apt-get failed, its last lines are above"
  fi
  rm -f "$log"
  remove_policy
}

# node-gyp downloads Node's headers unless it is told where they are: use the ones that came with this Node.
use_installed_headers() {
  local prefix version
  prefix=$(node -p 'require("node:path").resolve(process.execPath, "../..")')
  version=$(node -p 'process.versions.node.split(".")[0]')
  if grep -qs "^#define NODE_MAJOR_VERSION $version\$" "$prefix/include/node/node_version.h"; then
    export npm_config_nodedir=$prefix
  fi
}

# The binding is compiled for one Node: which one stands beside it, so that another one is noticed without starting it.
readonly CAP=node_modules/cap/build/Release/cap.node
readonly CAP_NODE=node_modules/cap/build/node-version

cap_is_built() { [[ -e $CAP && -e $CAP_NODE && $(<"$CAP_NODE") == $(node --version) ]]; }

cap_loads() { node -e 'require("cap")' 2>/dev/null && node --version >"$CAP_NODE"; }

install_npm_packages() {
  local installed=node_modules/.installed-lock.json # what was installed last; npm's own record has another form
  if ! cmp -s package-lock.json "$installed"; then
    say 'installing npm packages'
    use_installed_headers
    npm ci --no-audit --no-fund --loglevel=error
    cp package-lock.json "$installed"
  fi
  # npm may be told not to run install scripts; the binding has to be compiled all the same.
  if ! cap_is_built && ! cap_loads; then
    say "compiling the cap binding for Node $(node --version)"
    use_installed_headers
    npm rebuild cap --ignore-scripts=false --foreground-scripts >&2 || true
    cap_loads || fail 'Cannot load the cap binding: node-gyp did not build it, see its messages above'
  fi
}

main() {
  local packages
  mapfile -t packages < <(missing_packages)
  ((${#packages[@]} == 0)) || install_packages "${packages[@]}"
  use_node
  install_npm_packages
  npm run --silent build
}

main "$@"

#!/usr/bin/env bash
# Finds a pod's node and the node's end of its veth pair, and writes what the agent needs to watch it.
# Runs where kubectl runs (bash 3.2 is enough); with --local on the node itself, where the agent calls it.
set -euo pipefail
export LC_ALL=C

readonly FIRST=dlltagent_searchpod
readonly MANIFEST=$FIRST.yaml
readonly AGENT=dlltagent
readonly NOT_SETTINGS='(~|#|\.(ya?ml|sw[a-z]|bak|tmp|orig|rej|save|kate-swp))$'
readonly MAX_KEY_LENGTH=253 # of a ConfigMap
readonly READY_SECONDS=120
readonly RELOAD_SECONDS=100 # a kubelet looks at its ConfigMaps every 60 to 90 s in any case

HERE=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}" || printf '%s' "$0")")" && pwd)
TEMPLATES=${DLLT_TEMPLATES:-$HERE/../k8s}
readonly HERE TEMPLATES

usage() {
  cat <<'END'
Watches a pod: finds its node and network interface, and writes, into the current directory, the env file
dlltagent_searchpod and dlltagent_searchpod.yaml, which places the agent on that node.

  monitorPod.sh POD [NAMESPACE] [INTERFACE]   NAMESPACE is the current one if not given, INTERFACE eth0
  monitorPod.sh --reload                      bring edited env files to the agent; they count within seconds
  monitorPod.sh --remove POD [NAMESPACE]      watch this pod no longer
  monitorPod.sh --local (--uid UID | --name POD --namespace NAMESPACE) [--interface INTERFACE]
                                              on the node, without kubectl: print index and name of the interface

  --add               a further pod beside the first: dlltagent_searchpod.NAMESPACE.POD
  --events            tell trouble as Events of the cluster on the pod too (KUBERNETES_EVENTS=Y); the manifest then gives
                      the agent the right to make them in the pod's namespace
  --apply             do at once what is otherwise left to kubectl apply -f dlltagent_searchpod.yaml
  --container NAME    for a pod with several containers: the one to look from
  -h, --help

Environment: DLLT_NAMESPACE, where the agent runs (the current namespace; a new one is made for it), DLLT_IMAGE, its
image; both are remembered in the manifest. An env file that is there already keeps what you wrote; only the lines that name the pod change.
Exit status: 0, 1 when it cannot be done, 2 for a wrong call.
END
}

fail() {
  printf 'monitorPod.sh: %s\n' "$*" >&2
  exit 1
}

wrong_call() {
  printf 'monitorPod.sh: %s; monitorPod.sh -h shows how to call it\n' "$*" >&2
  exit 2
}

say() { printf '%s\n' "$*"; }

# Names are checked before anything else is done with them: RFC 1123, as Kubernetes has it.
readonly LABEL='[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?'
is_label() { [[ $1 =~ ^$LABEL$ ]]; }
is_subdomain() { ((${#1} <= 253)) && [[ $1 =~ ^$LABEL(\.$LABEL)*$ ]]; }
is_interface() { [[ $1 =~ ^[a-zA-Z0-9][a-zA-Z0-9._-]{0,14}$ ]]; }

# shellcheck source=scripts/monitor-pod/pod.sh
source "$HERE/monitor-pod/pod.sh"
# shellcheck source=scripts/monitor-pod/env-files.sh
source "$HERE/monitor-pod/env-files.sh"
# shellcheck source=scripts/monitor-pod/manifest.sh
source "$HERE/monitor-pod/manifest.sh"

# watch: the env file of $namespace/$pod, and the manifest.
watch() {
  local file before
  read_pod
  find_index
  file=$(file_of_pod)
  if [[ -z $file ]]; then
    file=$FIRST
    [[ -z $add ]] || file=$FIRST.$namespace.$pod
    [[ -z $add || ! -e $file ]] || file+=.$interface # that one is for another interface
    ((${#file} <= MAX_KEY_LENGTH)) || fail "Cannot write $file: its name is too long for a key of a ConfigMap"
    [[ ! -e $file ]] || before=$(value_of POD_NAMESPACE "$file")/$(value_of POD_NAME "$file")
    [[ -e $file ]] || cat "$TEMPLATES/$FIRST" >"$file"
  fi
  set_values "$file" "INTERFACE_INDEX_SNIF=$index" "POD_NAME=$pod" "POD_NAMESPACE=$namespace" "POD_UID=$uid" \
    "POD_IP=$ips" "POD_INTERFACE=$interface" "NODE_NAME=$node" ${events:+KUBERNETES_EVENTS=Y}
  write_manifest
  if [[ $index == auto ]]; then
    say "The pod $namespace/$pod is on the node $node; it cannot tell the index of its $interface, so the agent will find it there (auto)."
  else
    say "The pod $namespace/$pod is on the node $node; the other end of its $interface has index $index there."
  fi
  [[ -z ${before:-} || $before == / || $before == "$namespace/$pod" ]] || say "$file watched $before before; use --add to watch both."
  say "Wrote $file and $MANIFEST (agent pod $(agent_on "$node") in the namespace $agent_namespace)."
  place_or_tell
}

# place_or_tell: applies the manifest and waits for the agents, or says how.
place_or_tell() {
  if [[ -z $apply ]]; then
    say "Next: kubectl apply -f $MANIFEST"
    return
  fi
  apply_manifest
  for_each_node await_agent
  for_each_node await_settings
}

await_agent() {
  local name
  name=$(agent_on "$1")
  kube wait --for=condition=Ready "pod/$name" -n "$agent_namespace" --timeout="${READY_SECONDS}s" >/dev/null ||
    fail "Cannot see the agent $name become ready: $(problem); kubectl describe pod $name -n $agent_namespace tells more"
  say "The agent $name is ready: kubectl exec -it $name -n $agent_namespace -- ls logs"
}

# reload: brings the env files to the agents that run. The pod's annotation changes with the ConfigMap, and makes the
# kubelet look at it at once; what the agent has in the end is compared with what is here.
reload() {
  [[ -n $(env_files) ]] || fail "Cannot reload: there is no $FIRST in this directory"
  write_manifest
  for_each_node require_agent
  apply_manifest
  for_each_node await_settings
}

require_agent() {
  local name
  name=$(agent_on "$1")
  kube get pod "$name" -n "$agent_namespace" -o name >/dev/null ||
    fail "Cannot reload: $(problem); place the agent with kubectl apply -f $MANIFEST"
}

# await_settings NODE FILE…: waits until the agent there has these files, and no others.
await_settings() {
  local name want deadline=$((SECONDS + RELOAD_SECONDS))
  name=$(agent_on "$1")
  shift
  want=$(cksum "$@" | sort)
  until [[ $(settings_of "$name") == "$want" ]]; do
    ((SECONDS < deadline)) || fail "Cannot see the settings reach the agent $name within $RELOAD_SECONDS s: $(problem)"
    ! grep -qi forbidden "$scratch/problem" || fail "Cannot see whether the settings have reached the agent $name: $(problem)"
    sleep 0.3
  done
  say "The agent $name has the settings of $*."
  complaints_of "$name"
}

# settings_of AGENT: checksums of the env files that it sees.
settings_of() {
  # shellcheck disable=SC2016 # expanded in the agent's container
  kube exec -n "$agent_namespace" "$1" -- sh -c 'cd "${DLLT_CONFIG_DIR:-/etc/dllt}" && cksum dlltagent_searchpod*' | sort
}

# complaints_of AGENT: what the agent says of settings that it cannot use. It reads them within a second; one that has
# said nothing at all by then may be late, or nothing has changed for it.
complaints_of() {
  local said='' complaints deadline=$((SECONDS + 3))
  sleep 1
  until said=$(kube logs "$1" -n "$agent_namespace" --since="$((SECONDS - applied + 1))s") && [[ -n $said ]]; do
    ((SECONDS < deadline)) || break
    sleep 0.3
  done
  complaints=$(grep '^Cannot use ' <<<"$said" || true)
  [[ -z $complaints ]] || fail "The agent $1 goes on with what it had: $complaints"
}

# remove: no longer watch $namespace/$pod.
remove() {
  local file where name
  interface=''
  file=$(file_of_pod)
  [[ -n $file ]] || fail "Cannot remove the pod $namespace/$pod: no env file in this directory names it"
  where=$(value_of NODE_NAME "$file")
  while [[ -n $file ]]; do
    removed+=" $file"
    rm -- "$file"
    file=$(file_of_pod)
  done
  write_manifest
  say "Removed$removed."
  [[ -z $(env_files) ]] || place_or_tell
  [[ -z $(for_each_node say | grep "^$where " || true) ]] || return 0
  name=$(sed -n "s/^${where//./\\.} //p" "$scratch/agents" | head -n 1)
  [[ -n $name ]] || return 0
  if [[ -n $apply ]]; then
    kubectl delete pod,configmap "$name" -n "$agent_namespace" || fail "Cannot delete the agent $name, see above"
  else
    say "Nothing is left to watch on $where. Next: kubectl delete pod,configmap $name -n $agent_namespace"
  fi
}

main() {
  local action=watch add='' apply='' events='' container='' words=() removed=''
  local pod namespace interface uid node ips index agent_namespace image
  while (($# > 0)); do
    case $1 in
    -h | --help) usage && return ;;
    --local) shift && exec "$HERE/monitor-pod/local.sh" "$@" ;;
    --add) add=1 ;;
    --apply) apply=1 ;;
    --events) events=1 ;;
    --reload) action=reload ;;
    --remove) action=remove ;;
    --container)
      (($# > 1)) || wrong_call '--container needs a name'
      container=$2
      shift
      ;;
    -*) wrong_call "there is no option $1" ;;
    *) words+=("$1") ;;
    esac
    shift
  done
  pod=${words[0]:-} namespace=${words[1]:-} interface=${words[2]:-eth0}
  ((${#words[@]} <= 3)) || wrong_call "${words[3]} is too much"
  if [[ $action == reload ]]; then
    ((${#words[@]} == 0)) || wrong_call '--reload takes no pod: it is for all env files here'
  else
    ((${#words[@]} > 0)) || wrong_call 'no pod is named'
    is_subdomain "$pod" || wrong_call "'$pod' is no name of a pod"
    ((${#words[@]} < 2)) || is_label "$namespace" || wrong_call "'$namespace' is no name of a namespace"
    is_interface "$interface" || wrong_call "'$interface' is no name of an interface"
  fi
  [[ -z $container ]] || is_label "$container" || wrong_call "'$container' is no name of a container"
  image=${DLLT_IMAGE:-$(said_before '      image')}
  image=${image:-dlltagent:0.2.0}
  [[ $image =~ ^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$ ]] || wrong_call "DLLT_IMAGE '$image' is no name of an image"
  command -v kubectl >/dev/null || fail 'Cannot find kubectl; --local works without it, on the node'

  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  namespace=${namespace:-$(current_namespace)}
  agent_namespace=${DLLT_NAMESPACE:-$(said_before '  namespace')}
  agent_namespace=${agent_namespace:-$(current_namespace)}
  is_label "$agent_namespace" || wrong_call "DLLT_NAMESPACE '$agent_namespace' is no name of a namespace"
  $action
}

# said_before KEY: what the manifest that is here says; its namespace and image stay, unless others are given.
said_before() { [[ ! -e $MANIFEST ]] || sed -n "s/^$1: \"\(.*\)\"\$/\1/p" "$MANIFEST" | head -n 1; }

main "$@"

# shellcheck shell=bash
# Part of monitorPod.sh: what kubectl tells of the pod that is to be watched.

# kube ARGS…: kubectl's standard output; what it complains about is kept in $scratch/problem.
kube() { kubectl "$@" 2>"$scratch/problem"; }

# problem: the last complaint of kubectl, in one line.
problem() { sed -n '$p' "$scratch/problem"; }

# exec_in_pod COMMAND…: output of a command in the pod; a pod that does not answer does not hold everything up.
exec_in_pod() {
  local limit=()
  ! command -v timeout >/dev/null || limit=(timeout 20)
  ${limit[@]+"${limit[@]}"} kubectl exec -n "$namespace" "$pod" -c "$container" -- "$@" 2>"$scratch/problem" </dev/null
}

current_namespace() {
  local current
  current=$(kube config view --minify -o 'jsonpath={..namespace}') || fail "Cannot use kubectl: $(problem)"
  printf '%s' "${current:-default}"
}

# read_pod: sets uid, node, ips and container from what the API server knows of $namespace/$pod.
read_pod() {
  local fields phase deleted host_network containers
  fields=$(kube get pod "$pod" -n "$namespace" -o "jsonpath={.status.phase}{'|'}{.metadata.deletionTimestamp}{'|'}\
{.spec.hostNetwork}{'|'}{.metadata.uid}{'|'}{.spec.nodeName}{'|'}{.status.podIPs[*].ip}{'|'}{.spec.containers[*].name}") || {
    ! grep -q NotFound "$scratch/problem" ||
      fail "Cannot find the pod $pod in the namespace $namespace: there is none; kubectl get pods -n $namespace lists them"
    fail "Cannot ask for the pod $namespace/$pod: $(problem)"
  }
  IFS='|' read -r phase deleted host_network uid node ips containers < <(say "$fields")
  [[ $phase == Running ]] || fail "Cannot watch the pod $namespace/$pod: it is not running, but $phase"
  [[ -z $deleted ]] || fail "Cannot watch the pod $namespace/$pod: it is being deleted"
  [[ $host_network != true ]] ||
    fail "Cannot watch the pod $namespace/$pod: it uses the network of its node, so it has no veth of its own"
  if ! [[ $uid =~ ^[a-zA-Z0-9-]+$ && $ips =~ ^[0-9a-fA-F.:\ ]+$ ]] || ! is_subdomain "$node"; then
    fail "Cannot watch the pod $namespace/$pod: the API server names no proper UID, address and node for it"
  fi
  ips=${ips// /,}
  choose_container "$containers"
}

choose_container() {
  if [[ -n $container ]]; then
    [[ " $1 " == *" $container "* ]] ||
      fail "Cannot look from the container $container: the pod $namespace/$pod has $1"
  elif [[ $1 == *' '* ]]; then
    fail "Cannot choose between the containers of the pod $namespace/$pod, which share one network: name one of $1 with --container"
  else
    container=$1
  fi
}

# find_index: sets index to that of the node's end of the pod's interface, or to auto when the pod cannot tell it.
find_index() {
  local answer interfaces
  index=auto
  if answer=$(exec_in_pod ip -o link show dev "$interface") && [[ $answer =~ @if([0-9]+): ]]; then
    index=${BASH_REMATCH[1]}
    return
  fi
  ! grep -qi forbidden "$scratch/problem" || return 0
  # the same number in both files may be by chance, or this is no end of a pair: the agent can tell
  if answer=$(exec_in_pod cat "/sys/class/net/$interface/iflink" "/sys/class/net/$interface/ifindex") &&
    [[ $answer =~ ^([0-9]+)$'\n'([0-9]+)$ && ${BASH_REMATCH[1]} != "${BASH_REMATCH[2]}" ]]; then
    index=${BASH_REMATCH[1]}
    return
  fi
  interfaces=$(exec_in_pod cat /proc/net/dev | sed -n 's/^ *\([^ :]*\):.*/\1/p') || return 0
  [[ -z $interfaces || $'\n'$interfaces$'\n' == *$'\n'$interface$'\n'* ]] ||
    fail "Cannot watch $interface of the pod $namespace/$pod: it has no such interface, only ${interfaces//$'\n'/, }"
}

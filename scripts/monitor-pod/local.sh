#!/usr/bin/env bash
# Finds a pod's interface on the node itself, without kubectl: `monitorPod.sh --local` runs it, the agent above all.
# Standard output is `INDEX NAME` of the node's end of the pod's veth pair, or, where it runs inside the pod (sidecar), of
# the pod's own interface. Status 1 and one line on standard error when there is none.
#
# It needs the node's /proc (hostPID) and network namespace (hostNetwork); to look into processes of other users,
# CAP_SYS_PTRACE; and CAP_SYS_ADMIN only for a pod none of whose containers has /sys.
# DLLT_HOST_PROC and DLLT_HOST_POD_LOGS say where the node's /proc and /var/log/pods are mounted, if not there;
# DLLT_KUBELET where the kubelet keeps its files on the node, if not in /var/lib/kubelet.
#
# Who a pod is, the kernel and the kubelet say: control groups, mounts, the names of log directories. No file of a pod is
# asked, as it may say anything.
set -euo pipefail
shopt -s nullglob
export LC_ALL=C

readonly PROC=${DLLT_HOST_PROC:-/proc}
readonly POD_LOGS=${DLLT_HOST_POD_LOGS:-/var/log/pods}
readonly KUBELET=${DLLT_KUBELET:-/var/lib/kubelet}
readonly POD_UID='[0-9a-f]{8}([-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32}'
readonly SYSFS_MAGIC=62656572 # linux/magic.h

uid='' name='' namespace='' interface=eth0

fail() {
  printf 'Cannot find the interface of %s: %s\n' "$described" "$*" >&2
  exit 1
}

wrong_call() {
  printf 'monitorPod.sh --local: %s; see monitorPod.sh -h\n' "$*" >&2
  exit 2
}

# matching OPTIONS PATTERN FILE…: those of many files in which a line matches; files that are gone meanwhile do not count.
matching() {
  local options=$1 pattern=$2
  shift 2
  (($# == 0)) || printf '%s\0' "$@" | xargs -0 grep "-ls$options" -e "$pattern" || true
}

# is_group_of UID FILE: true when the control groups in FILE are those of the pod. They are called pod<uid> (cgroupfs
# driver) or kubepods-…-pod<uid_with_underscores>.slice (systemd driver), in v1 and v2 alike; seen from a cgroup namespace
# the path begins with /.. but ends the same. The first such name of a path counts: who may make control groups in a
# container makes them below the pod's own.
is_group_of() {
  local line found=1 name="[/-]pod($POD_UID|$1|${1//-/_})([./]|\$)"
  while IFS= read -r line; do
    [[ $line =~ $name ]] || continue
    [[ ${BASH_REMATCH[1]//_/-} == "$1" ]] || return 1
    found=0
  done <"$2" 2>/dev/null
  return "$found"
}

# hosts_file_of UID: ` DEVICE ROOT /etc/hosts ` as it stands in the mountinfo (proc(5)) of the pod's processes: the kubelet
# mounts this file of its own there. The node's first process has the mounts that tell where it is.
hosts_file_of() {
  local path=$KUBELET/pods/$1/etc-hosts device root point best='' answer=''
  while read -r _ _ device root point _; do
    point=${point%/}
    if [[ $path != "$point"/* ]] || ((${#point} < ${#best})); then continue; fi
    best=$point
    answer=" $device ${root%/}${path#"$point"} /etc/hosts "
  done <"$PROC/1/mountinfo"
  printf '%s' "$answer"
} 2>/dev/null

# pids_of UID: processes of the pod, one a line: by control group; where the kubelet makes none for pods, by its mount of
# /etc/hosts, which the container that only holds the namespaces does not have.
pids_of() {
  local file files=() mounted
  while read -r file; do
    ! is_group_of "$1" "$file" || files+=("$file")
  done < <(matching E "pod($1|${1//-/_})([^0-9A-Za-z_-]|\$)" "$PROC"/[0-9]*/cgroup)
  if ((${#files[@]} == 0)); then
    mounted=$(hosts_file_of "$1")
    [[ -z $mounted ]] || mapfile -t files < <(matching F "$mounted" "$PROC"/[0-9]*/mountinfo)
  fi
  ((${#files[@]} == 0)) || printf '%s\n' "${files[@]}" | sed -E 's:.*/([0-9]+)/[a-z]+$:\1:' | sort -n
}

# uids_of_name: UIDs that pods of that name have or had on this node, the newest first. The kubelet keeps the logs of a
# pod in <namespace>_<name>_<uid>; the directory of a pod that was deleted stays for a while.
uids_of_name() {
  local directory other newer directories=("$POD_LOGS/${namespace}_${name}_"*)
  for directory in ${directories[@]+"${directories[@]}"}; do
    newer=0
    for other in "${directories[@]}"; do [[ ! $other -nt $directory ]] || newer=$((newer + 1)); done
    [[ ! ${directory##*_} =~ ^[0-9A-Za-z-]+$ ]] || printf '%s %s\n' "$newer" "${directory##*_}"
  done | sort -n | cut -d ' ' -f 2
}

# candidates: processes of the pod, of the newest pod of that name that has any.
candidates() {
  local each pids=''
  for each in ${uid:+"$uid"} $([[ -z $name ]] || uids_of_name); do
    pids=$(pids_of "$each")
    [[ -z $pids ]] || break
  done
  printf '%s' "$pids"
}

# is_pair_end DIRECTORY: true for an interface of /sys/class/net that can be an end of a veth or netkit pair.
is_pair_end() {
  local feature
  for feature in device bridge bonding tun_flags; do [[ ! -e $1/$feature ]] || return 1; done
  ! grep -qs '^DEVTYPE=' "$1/uevent" || grep -qs '^DEVTYPE=netkit$' "$1/uevent"
}

# has_sys PID: true when what the process has at /sys is the kernel's, and not a directory that looks like it.
has_sys() { [[ $(stat -f -c %t "$PROC/$1/root/sys/class/net" 2>/dev/null) == "$SYSFS_MAGIC" ]]; }

# read_ends PID: the pod's interface as the kernel shows it in that process's network namespace: its index, and that of
# its other end. From the /sys the process has; else from a fresh one.
read_ends() {
  local net=$PROC/$1/root/sys/class/net
  if has_sys "$1"; then
    [[ -e $net/$interface ]] && is_pair_end "$net/$interface" || return
    cat "$net/$interface/ifindex" "$net/$interface/iflink"
  else
    # shellcheck disable=SC2016 # expanded by the inner shell
    nsenter --net="$PROC/$1/ns/net" unshare --mount sh -c \
      'mount -t sysfs sysfs /sys && cd "/sys/class/net/$1" && cat ifindex iflink' sh "$interface"
  fi 2>/dev/null
}

# peer_on_node INDEX PEER: `INDEX NAME` of the node's interface INDEX, if its other end has the index PEER.
peer_on_node() {
  local directory index peer
  for directory in /sys/class/net/*; do
    read -r index 2>/dev/null <"$directory/ifindex" || continue
    [[ $index == "$1" ]] || continue
    read -r peer <"$directory/iflink"
    [[ $peer == "$2" ]] && is_pair_end "$directory" || return 1
    printf '%s %s\n' "$index" "${directory##*/}"
    return
  done
  return 1
}

# own_interface: for a sidecar: this network namespace is the pod's.
own_interface() {
  local directory=/sys/class/net/$interface index
  [[ -e $directory ]] || fail "there is no interface $interface in it, only $(cd /sys/class/net && echo *)"
  read -r index <"$directory/ifindex"
  printf '%s %s\n' "$index" "$interface"
}

main() {
  while (($# > 0)); do
    case $1 in
    --uid | --name | --namespace | --interface)
      (($# > 1)) || wrong_call "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    *) wrong_call "there is no option $1" ;;
    esac
  done
  [[ -n $uid || -n $name ]] || wrong_call '--uid, or --name and --namespace, say which pod'
  [[ $uid =~ ^[0-9A-Za-z-]*$ ]] || wrong_call '--uid takes the UID of a pod'
  [[ $name =~ ^[0-9a-z.-]*$ && $namespace =~ ^[0-9a-z-]*$ ]] || wrong_call '--name and --namespace take Kubernetes names'
  [[ -z $name || -n $namespace ]] || wrong_call '--name goes with --namespace'
  [[ $interface =~ ^[0-9A-Za-z._-]{1,15}$ && $interface != .* ]] || wrong_call '--interface takes the name of an interface'
  described="the pod ${name:+$namespace/$name}${uid:+${name:+ }(UID $uid)}"

  local pids own_namespace pid network seen=' ' ends there
  pids=$(candidates)
  [[ -n $pids || -n $uid || -d $POD_LOGS ]] ||
    fail "nobody can be believed who it is: $POD_LOGS of the node is not to be seen; mount it, or set POD_UID"
  [[ -n $pids ]] || fail 'it has no process on this node'
  own_namespace=$(readlink /proc/self/ns/net)
  for pid in $pids; do
    network=$(readlink "$PROC/$pid/ns/net") || continue
    [[ $seen != *" $network "* ]] || continue
    if [[ $network == "$own_namespace" ]]; then
      ! is_own_pod "$pids" || {
        own_interface
        return
      }
    else
      mapfile -t ends < <(read_ends "$pid")
      ((${#ends[@]} < 2)) || ! peer_on_node "${ends[1]}" "${ends[0]}" || return 0
    fi
    seen+="$network "
  done
  [[ $seen != ' ' ]] || fail 'its processes cannot be looked into; CAP_SYS_PTRACE is needed'
  [[ $seen != " $own_namespace " ]] || fail 'it uses the network of the node, so it has no interface of its own'
  pid=${pids%%$'\n'*}
  there=$(interfaces_of "$pid")
  [[ " $there," == *" $interface,"* ]] || fail "there is no interface $interface in it, only $there"
  ((${#ends[@]} > 0)) || has_sys "$pid" || fail 'its processes have no /sys; CAP_SYS_ADMIN is needed to look into it without'
  fail "the other end of its $interface is not on this node, or it has none"
}

# is_own_pod PIDS: true when this script runs in the pod itself.
is_own_pod() { [[ $'\n'$1$'\n' == *$'\n'$$$'\n'* ]]; }

# interfaces_of PID: names of the interfaces in its network namespace, in words.
interfaces_of() {
  local line names=''
  while read -r line; do
    [[ $line != *:* ]] || names+="${names:+, }${line%%:*}"
  done <"$PROC/$1/net/dev"
  printf '%s' "${names:-no interface}"
}

main "$@"

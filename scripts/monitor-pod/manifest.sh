# shellcheck shell=bash
# Part of monitorPod.sh: dlltagent_searchpod.yaml, which places an agent on each node that the env files name.

# read_agents: which agent pods there are already; lines `NODE NAME`.
read_agents() {
  kube get pods -n "$agent_namespace" -l app.kubernetes.io/name=dlltagent \
    -o 'jsonpath={range .items[*]}{.spec.nodeName}{" "}{.metadata.name}{"\n"}{end}' ||
    fail "Cannot ask for the agent's pods in the namespace $agent_namespace: $(problem)"
}

# agent_on NODE: the name of the agent's pod there; a second one, for another node, is named after it.
agent_on() {
  local name
  name=$(sed -n "s/^${1//./\\.} //p" "$scratch/agents" | head -n 1)
  if [[ -z $name ]]; then
    name=$AGENT
    ! grep -q " $AGENT\$" "$scratch/agents" || name=$AGENT-$1
    say "$1 $name" >>"$scratch/agents"
  fi
  say "$name"
}

# fill FILE LINE REPLACEMENT…: a template, with these lines exchanged; all of them have to be there.
fill() {
  local file=$1 line text='' filled=0 pairs i
  shift
  pairs=("$@")
  while IFS= read -r line; do
    for ((i = 0; i < ${#pairs[@]}; i += 2)); do
      [[ $line == "${pairs[i]}" ]] || continue
      line=${pairs[i + 1]}
      filled=$((filled + 1))
      break
    done
    text+=$line$'\n'
  done <"$file"
  ((filled * 2 == ${#pairs[@]})) || fail "Cannot fill in $file: it is not the one that came with this script"
  printf '%s' "$text"
}

# event_namespaces FILE…: namespaces of the pods on which the agent is to tell Events of the cluster.
event_namespaces() {
  local file where
  for file in "$@"; do
    [[ $(value_of KUBERNETES_EVENTS "$file") == [Yy] ]] || continue
    where=$(value_of POD_NAMESPACE "$file")
    is_label "$where" || fail "Cannot use $file: KUBERNETES_EVENTS needs the namespace of the pod (POD_NAMESPACE)"
    say "$where"
  done | sort -u
}

# event_rights AGENT NAMESPACE…: a service account of the agent's own, and its right to make Events in these namespaces.
event_rights() {
  local name=$1 where
  shift
  say ---
  fill "$TEMPLATES/events-account.yaml" '  name: dlltagent' "  name: \"$name\"" \
    '  namespace: default' "  namespace: \"$agent_namespace\""
  for where in "$@"; do
    say ---
    fill "$TEMPLATES/events-role.yaml" '  namespace: namespace-of-the-pod' "  namespace: \"$where\""
    say ---
    fill "$TEMPLATES/events-binding.yaml" '  name: dlltagent' "  name: \"$name\"" \
      '  namespace: namespace-of-the-pod' "  namespace: \"$where\"" \
      '    name: dlltagent' "    name: \"$name\"" '    namespace: default' "    namespace: \"$agent_namespace\""
  done
}

# agent_documents NODE FILE…: ConfigMap and pod of the agent on a node.
agent_documents() {
  local where=$1 name file sum from=() account=() told
  told=$(event_namespaces "${@:2}")
  shift
  name=$(agent_on "$where")
  warn_of_others "$name" "$@"
  for file in "$@"; do from+=("--from-file=$file"); done
  sum=$(cat "$@" | cksum)
  say ---
  kube create configmap "$name" -n "$agent_namespace" "${from[@]}" --dry-run=client -o yaml ||
    fail "Cannot make a ConfigMap of $*: $(problem)"
  if [[ -n $told ]]; then
    # shellcheck disable=SC2086 # names of namespaces
    event_rights "$name" $told
    account=('  automountServiceAccountToken: false' "  serviceAccountName: \"$name\"")
  fi
  say ---
  fill "$TEMPLATES/dlltagent_pod.yaml" \
    '  name: dlltagent' "  name: \"$name\"" \
    '  namespace: default' "  namespace: \"$agent_namespace\"" \
    '    dlltagent-settings: "none"' "    dlltagent-settings: \"${sum// /-}\"" \
    '  nodeName: node-of-the-pod' "  nodeName: \"$where\"" \
    '      image: dlltagent:0.2.0' "      image: \"$image\"" \
    '        name: dlltagent' "        name: \"$name\"" \
    ${account[@]+"${account[@]}"}
}

# warn_of_others AGENT FILE…: a ConfigMap is replaced as a whole, with what somebody may have put there from elsewhere.
warn_of_others() {
  # shellcheck disable=SC2016 # a Go template
  local name=$1 key template='{{range $key, $text := .data}}{{$key}}{{"\n"}}{{end}}'
  shift
  while read -r key; do
    [[ " $* $removed " == *" $key "* ]] ||
      say "Note: the agent $name has $key too, which is not in this directory: applying $MANIFEST ends that session" >&2
  done < <(kube get configmap "$name" -n "$agent_namespace" -o go-template="$template" || true)
}

# The namespace is made only where it is not somebody else's: kubectl delete -f takes all that is in the manifest.
namespace_document() {
  local owner
  if owner=$(kube get namespace "$agent_namespace" -o 'jsonpath={.metadata.labels.app\.kubernetes\.io/name}'); then
    [[ $owner == dlltagent ]] || return 0
  elif ! grep -q NotFound "$scratch/problem"; then
    return 0 # not allowed to see it, so not to make it either
  fi
  say ---
  fill "$TEMPLATES/namespace.yaml" '  name: dllt' "  name: \"$agent_namespace\""
}

# for_each_node COMMAND: calls COMMAND NODE FILE… for each node that the env files name.
for_each_node() {
  local file other where nodes=' ' on_node
  while read -r file; do
    where=$(value_of NODE_NAME "$file")
    is_subdomain "$where" ||
      fail "Cannot place the agent for $file: it names no node (NODE_NAME); run monitorPod.sh for its pod"
    [[ $nodes != *" $where "* ]] || continue
    nodes+="$where "
    on_node=()
    while read -r other; do
      [[ $(value_of NODE_NAME "$other") != "$where" ]] || on_node+=("$other")
    done < <(env_files)
    "$1" "$where" "${on_node[@]}"
  done < <(env_files)
}

# write_manifest: all env files of the current directory, an agent for each node. No manifest when there is no env file.
write_manifest() {
  local files text
  read_agents >"$scratch/agents"
  files=$(env_files)
  if [[ -z $files ]]; then
    rm -f "$MANIFEST"
    return
  fi
  text=$(
    say '# Made by monitorPod.sh from the env files beside it; its next call writes it anew.'
    namespace_document
    for_each_node agent_documents
  )
  printf '%s\n' "$text" >"$MANIFEST"
}

apply_manifest() {
  applied=$SECONDS
  kubectl apply -f "$MANIFEST" || fail "Cannot apply $MANIFEST, see above; where a field may not be updated, delete the agent's pod and apply again"
}

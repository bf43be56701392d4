# shellcheck shell=bash
# Part of monitorPod.sh: the env files in the current directory.

# env_files: names of the env files in the current directory; what editors leave behind is none (as the agent sees it).
env_files() (
  shopt -s nocasematch
  for file in "$FIRST" "$FIRST".*; do
    [[ -f $file && ! $file =~ $NOT_SETTINGS ]] || continue
    [[ $file =~ ^[-._a-z0-9]+$ ]] ||
      fail "Cannot use $file: a key of a ConfigMap has letters, digits, '-', '_' and '.'; rename it"
    say "$file"
  done
)

# value_of KEY FILE: what the file says, the last time it says it.
value_of() { sed -n -E "s/^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*=[[:space:]]*[\"']?([^\"'#[:space:]]*).*/\\2/p" "$2" | tail -n 1; }

# file_of_pod: the env file that watches $namespace/$pod already; with $interface not empty, that interface of it.
file_of_pod() {
  local file
  while read -r file; do
    [[ $(value_of POD_NAME "$file") == "$pod" && $(value_of POD_NAMESPACE "$file") == "$namespace" ]] || continue
    [[ -n $interface && $(value_of POD_INTERFACE "$file") != "$interface" ]] || {
      say "$file"
      return
    }
  done < <(env_files)
}

# set_values FILE KEY=VALUE…: changes or adds these lines, and no others. Values are safe as they stand.
set_values() {
  local file=$1 line assignment key text='' done=' '
  shift
  while IFS= read -r line || [[ -n $line ]]; do
    for assignment in "$@"; do
      key=${assignment%%=*}
      [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?${key}[[:space:]]*= ]] || continue
      [[ $done != *" $key "* ]] || continue 2
      line=$assignment
      done+="$key "
    done
    text+=$line$'\n'
  done <"$file"
  for assignment in "$@"; do
    [[ $done == *" ${assignment%%=*} "* ]] || text+=$assignment$'\n'
  done
  printf '%s' "$text" >"$file"
}

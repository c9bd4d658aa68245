#!/usr/bin/env bash
# Creates or updates the stack, and loads students and gallery into it.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy.sh --image URI [--stack NAME] [--students FILE] [--gallery FILE] [--env-file FILE]
                 [PARAMETER=VALUE ...]

Creates or updates the stack of template.yaml, loads students and known faces into it, and writes
the environment file of the bridge. Running it again changes only what differs.

  --image URI      the function's image by digest, as ecr_push.sh prints it
  --stack NAME     name of the stack (default: hybridsphere)
  --students FILE  students to load, JSON or CSV
  --gallery FILE   known faces to load, a gallery.npz; every upload fails until there is one
  --env-file FILE  file for the bridge's variables (default: bridge.env)
  PARAMETER=VALUE  parameters of the template, as in Source=direct; a parameter that is not given
                   keeps its value, or has its default in a new stack

Needs aws, credentials, a region (AWS_REGION, or the profile's), and, for students, `make setup`.
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() {
  say "deploy.sh: $*"
  exit 2
}
# needs WHAT OPTION [VALUE ...]: refuses an option without its value.
needs() { [[ -n ${3:-} ]] || die "$2 needs $1"; }

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
template=$here/template.yaml
image=''
stack=hybridsphere
students=''
gallery=''
env_file=bridge.env
overrides=()

while (($#)); do
  case $1 in
    --image) needs "an address" "$@" && image=$2 && shift 2 ;;
    --stack) needs "a name" "$@" && stack=$2 && shift 2 ;;
    --students) needs "a file" "$@" && students=$2 && shift 2 ;;
    --gallery) needs "a file" "$@" && gallery=$2 && shift 2 ;;
    --env-file) needs "a file" "$@" && env_file=$2 && shift 2 ;;
    --help) usage && exit 0 ;;
    [A-Za-z]*=*) overrides+=("$1") && shift ;;
    *) die "$1 is neither an option nor PARAMETER=VALUE; see --help" ;;
  esac
done

[[ -n $image ]] || die "no --image: give what ecr_push.sh prints"
[[ $image =~ ^[^@[:space:]]+@sha256:[0-9a-f]{64}$ ]] ||
  die "--image $image: give it by digest, as in …@sha256:…; a tag would hide a new image"
[[ -z $students || -r $students ]] || die "--students $students cannot be read"
[[ -z $gallery || -r $gallery ]] || die "--gallery $gallery cannot be read"
[[ -z $gallery || $gallery == *.npz ]] ||
  die "--gallery $gallery: make a gallery.npz of it with \`hybridsphere gallery import\`"
[[ -d $(dirname -- "$env_file") ]] || die "--env-file $env_file: its folder is not there"

overrides+=("ImageUri=$image")
# is_parameter NAME: succeeds if the template has this parameter. The aws command ignores others.
is_parameter() {
  local name
  while read -r name; do
    [[ $name != "$1" ]] || return 0
  done < <(awk '/^[A-Z]/ { inside = /^Parameters:/ }
    inside && /^  [A-Za-z0-9]+:/ { sub(/:.*/, ""); print $1 }' "$template")
  return 1
}
for override in "${overrides[@]}"; do
  case $override in
    # Names of earlier versions.
    Trigger=none | Source=none) die "$override has a new name: give Source=bucket" ;;
    Trigger=queue | Trigger=direct) die "$override has a new name: give Source=${override#*=}" ;;
    Trigger=*) die "Trigger has a new name: give Source=queue, Source=bucket or Source=direct" ;;
    Sink=mirror) die "$override has a new name: give Sink=bucket" ;;
  esac
  is_parameter "${override%%=*}" || die "${override%%=*} is not a parameter of template.yaml"
done

command -v aws >/dev/null || die "aws is not installed"
hybridsphere=$(command -v hybridsphere || printf '%s' "$here/../../.venv/bin/hybridsphere")
[[ -z $students || -x $hybridsphere ]] || die "hybridsphere is not installed: run \`make setup\`"

# The aws command and the SDKs know the region by different names.
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
[[ -n $region ]] || die "no region: set AWS_REGION"
export AWS_REGION=$region AWS_DEFAULT_REGION=$region AWS_PAGER=
account=$(aws sts get-caller-identity --query Account --output text)

say "deploy.sh will, in account $account and region $region:"
say "  - create or update the stack $stack, with ${overrides[*]}"
[[ -z $students ]] || say "  - load the students of $students into its table"
[[ -z $gallery ]] || say "  - load the known faces of $gallery into its bucket"
say "  - write the bridge's variables to $env_file, over what is there"

# physical_id LOGICAL_ID: prints the name of a resource of the stack.
physical_id() {
  aws cloudformation list-stack-resources --stack-name "$stack" --output text \
    --query "StackResourceSummaries[?LogicalResourceId=='$1'].PhysicalResourceId"
}

# variable KEY: prints the bridge's variable for an output of the stack.
variable() {
  case $1 in
    Region) printf AWS_REGION ;;
    Source) printf HYBRIDSPHERE_SOURCE ;;
    Sink) printf HYBRIDSPHERE_SINK ;;
    InputBucket) printf HYBRIDSPHERE_INPUT_BUCKET ;;
    OutputBucket) printf HYBRIDSPHERE_OUTPUT_BUCKET ;;
    InputQueueUrl) printf HYBRIDSPHERE_INPUT_QUEUE_URL ;;
    OutputQueueUrl) printf HYBRIDSPHERE_OUTPUT_QUEUE_URL ;;
    DeadLetterQueueUrl) printf HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL ;;
    FunctionName) printf HYBRIDSPHERE_FUNCTION_NAME ;;
    *) return 1 ;;
  esac
}

# foreign WHY: ends before the environment file is replaced. The stack may have another template.
foreign() { die "$1 in the stack $stack; $env_file is unchanged"; }

write_environment() {
  local outputs key value name
  umask 077
  partial=$(mktemp "$env_file.XXXXXX")
  trap 'rm -f -- "$partial"' EXIT
  outputs=$(aws cloudformation describe-stacks --stack-name "$stack" --output text \
    --query 'Stacks[0].Outputs[].[OutputKey, OutputValue]')
  while IFS=$'\t' read -r key value; do
    name=$(variable "$key") || foreign "there is an output $key, which the bridge does not know,"
    [[ $value =~ ^[^[:space:]]+$ ]] || foreign "the output $key has no usable value"
    printf '%s=%s\n' "$name" "$value"
  done <<<"$outputs" | sort >"$partial"
  for name in AWS_REGION HYBRIDSPHERE_INPUT_BUCKET; do
    grep -q "^$name=" "$partial" || foreign "there is no output for $name"
  done
  mv -f -- "$partial" "$env_file"
}

# The function fails for every upload while it has no known faces.
warn_without_faces() {
  aws s3api head-object --bucket "$bucket" --key gallery.npz >/dev/null 2>&1 ||
    say "WARNING: there are no known faces yet, so every upload will fail: run this again with --gallery"
}

aws cloudformation deploy --stack-name "$stack" --template-file "$template" \
  --capabilities CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset \
  --parameter-overrides "${overrides[@]}" >&2

if [[ -n $students ]]; then
  table=$(physical_id Students)
  HYBRIDSPHERE_TABLE=$table "$hybridsphere" students load "$students" >&2
fi
bucket=$(physical_id GalleryBucket)
if [[ -n $gallery ]]; then
  aws s3 cp --only-show-errors "$gallery" "s3://$bucket/gallery.npz" >&2
fi
write_environment

say "Done. The known faces belong in s3://$bucket/gallery.npz; the bridge starts with $env_file."
[[ -n $gallery ]] || warn_without_faces

#!/usr/bin/env bash
# The stack made or brought up to date, and everything that is loaded into it.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy.sh --image URI [--stack NAME] [--students FILE] [--gallery FILE] [--env-file FILE]
                 [PARAMETER=VALUE ...]

Makes or updates the stack of template.yaml, loads students and known faces into it, and writes the
environment file of the bridge. Run again, it changes what has changed.

  --image URI      the function's image by digest, as ecr_push.sh prints it
  --stack NAME     name of the stack (default: hybridsphere)
  --students FILE  students to load, JSON or CSV
  --gallery FILE   known faces to load, a gallery.npz; until there are any, every upload fails
  --env-file FILE  where the bridge's variables are written (default: bridge.env)
  PARAMETER=VALUE  parameters of the template, as in Trigger=direct; one that is not given keeps
                   its value, or has its default in a new stack

Needs aws, credentials, a region (AWS_REGION, or the profile's), and, for students, `make setup`.
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() {
  say "deploy.sh: $*"
  exit 2
}
# needs WHAT OPTION [VALUE ...]: refuses an option that stands without its value.
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
    [A-Z]*=*) overrides+=("$1") && shift ;;
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

# The aws command passes over parameters that the template does not have.
overrides+=("ImageUri=$image")
known=$(sed -n '/^Parameters:/,/^Mappings:/p' "$template")
for override in "${overrides[@]}"; do
  grep -qx "  ${override%%=*}:" <<<"$known" || die "${override%%=*} is no parameter of template.yaml"
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
say "  - make or update the stack $stack, with ${overrides[*]}"
[[ -z $students ]] || say "  - load the students of $students into its table"
[[ -z $gallery ]] || say "  - load the known faces of $gallery into its bucket"
say "  - write the bridge's variables to $env_file, over what is there"

# physical_id LOGICAL_ID: what a resource of the stack is really called.
physical_id() {
  aws cloudformation list-stack-resources --stack-name "$stack" --output text \
    --query "StackResourceSummaries[?LogicalResourceId=='$1'].PhysicalResourceId"
}

# Every output's description is the name of the variable that it is the value of.
write_environment() {
  umask 077
  partial=$(mktemp "$env_file.XXXXXX")
  trap 'rm -f -- "$partial"' EXIT
  aws cloudformation describe-stacks --stack-name "$stack" \
    --query 'Stacks[0].Outputs[].[Description, OutputValue]' --output text |
    tr '\t' '=' | sort >"$partial"
  # A stack that somebody else's template has made, say.
  for name in AWS_REGION HYBRIDSPHERE_INPUT_BUCKET; do
    grep -q "^$name=." "$partial" ||
      die "the stack $stack has no output $name; $env_file stays as it was"
  done
  ! grep -vE '^[A-Z_]+=[^[:space:]]+$' "$partial" >&2 ||
    die "these outputs of the stack $stack are no variables; $env_file stays as it was"
  mv -f -- "$partial" "$env_file"
}

# Without known faces the function fails for every upload: it takes that for a mistake.
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

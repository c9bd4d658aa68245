#!/usr/bin/env bash
# Deletes the stack and everything in it.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: destroy.sh [--stack NAME] [--repository NAME] [--yes]

Deletes the stack with its videos, results, students, known faces and waiting messages, and the
access keys of its users. It first lists what it will delete, and asks.

  --stack NAME       name of the stack (default: hybridsphere)
  --repository NAME  delete this repository of images in ECR as well
  --yes              do not ask

Needs aws, credentials, and a region (AWS_REGION, or the profile's).
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() {
  say "destroy.sh: $*"
  exit 2
}
# needs WHAT OPTION [VALUE ...]: refuses an option without its value.
needs() { [[ -n ${3:-} ]] || die "$2 needs $1"; }

stack=hybridsphere
repository=''
ask=yes

while (($#)); do
  case $1 in
    --stack) needs "a name" "$@" && stack=$2 && shift 2 ;;
    --repository) needs "a name" "$@" && repository=$2 && shift 2 ;;
    --yes) ask='' && shift ;;
    --help) usage && exit 0 ;;
    *) die "$1 is no option; see --help" ;;
  esac
done

command -v aws >/dev/null || die "aws is not installed"
# The aws command and the SDKs know the region by different names.
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
[[ -n $region ]] || die "no region: set AWS_REGION"
export AWS_REGION=$region AWS_DEFAULT_REGION=$region AWS_PAGER=
account=$(aws sts get-caller-identity --query Account --output text)

# owned TYPE: lists the stack's resources of a type. A bucket that it failed to create may belong to
# another stack.
owned() {
  aws cloudformation list-stack-resources --stack-name "$stack" --output text --query \
    "StackResourceSummaries[?ResourceType=='$1' && PhysicalResourceId \
      && ResourceStatus!='CREATE_FAILED' && ResourceStatus!='DELETE_COMPLETE'].PhysicalResourceId"
}

delete_keys() {
  local user=$1 key keys
  keys=$(aws iam list-access-keys --user-name "$user" \
    --query 'AccessKeyMetadata[].AccessKeyId' --output text)
  for key in $keys; do
    aws iam delete-access-key --user-name "$user" --access-key-id "$key"
  done
}

# CloudFormation deletes neither a bucket with objects in it nor a user with access keys.
delete_stack() {
  local bucket user
  for bucket in $buckets; do
    aws s3 rm --only-show-errors --recursive "s3://$bucket" >&2
  done
  for user in $users; do
    delete_keys "$user"
  done
  aws cloudformation delete-stack --stack-name "$stack"
  aws cloudformation wait stack-delete-complete --stack-name "$stack"
}

delete_repository() {
  local answer
  if ! answer=$(aws ecr delete-repository --force --repository-name "$repository" 2>&1); then
    [[ $answer == *RepositoryNotFoundException* ]] || die "$answer"
  fi
}

there=yes
if ! answer=$(aws cloudformation describe-stacks --stack-name "$stack" 2>&1); then
  [[ $answer == *"does not exist"* ]] || die "$answer"
  there=''
fi

say "destroy.sh will, in account $account and region $region:"
if [[ -n $there ]]; then
  buckets=$(owned AWS::S3::Bucket)
  users=$(owned AWS::IAM::User)
  for bucket in $buckets; do
    say "  - delete every object in $bucket"
  done
  for user in $users; do
    say "  - delete every access key of the user $user"
  done
  say "  - delete the stack $stack"
else
  say "  - find nothing to do about the stack $stack, which is not there"
fi
[[ -z $repository ]] || say "  - delete the ECR repository $repository and its images"

if [[ -n $ask && -n $there$repository ]]; then
  printf 'There is no way back. Type the name of the stack to go on: ' >&2
  read -r answer || answer=''
  [[ $answer == "$stack" ]] || die "not confirmed; nothing was deleted"
fi

if [[ -n $there ]]; then
  delete_stack
fi
if [[ -n $repository ]]; then
  delete_repository
fi
say "Done."

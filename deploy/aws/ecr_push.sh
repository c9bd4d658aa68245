#!/usr/bin/env bash
# Builds the function's image and pushes it to ECR.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: ecr_push.sh [--repository NAME] [--architecture x86_64|arm64] [-- BUILD OPTION ...]

Builds Dockerfile.lambda and pushes it to a repository in ECR, which it creates if it is missing.
Standard output gets the image's address by digest and nothing else; deploy.sh takes it.

  --repository NAME    repository in ECR (default: hybridsphere)
  --architecture NAME  processor of the function (default: x86_64)
  BUILD OPTION ...     passed on to `docker buildx build`

Needs aws, docker with buildx, credentials, and a region (AWS_REGION, or the profile's).
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() {
  say "ecr_push.sh: $*"
  exit 2
}
# needs WHAT OPTION [VALUE ...]: refuses an option without its value.
needs() { [[ -n ${3:-} ]] || die "$2 needs $1"; }

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
repository=hybridsphere
architecture=x86_64

while (($#)); do
  case $1 in
    --repository) needs "a name" "$@" && repository=$2 && shift 2 ;;
    --architecture) needs "a name" "$@" && architecture=$2 && shift 2 ;;
    --help) usage && exit 0 ;;
    --) shift && break ;;
    *) die "$1 is no option; see --help" ;;
  esac
done

case $architecture in
  x86_64) platform=linux/amd64 ;;
  arm64) platform=linux/arm64 ;;
  *) die "--architecture $architecture: give x86_64 or arm64" ;;
esac
for tool in aws docker; do
  command -v "$tool" >/dev/null || die "$tool is not installed"
done

# The aws command and the SDKs know the region by different names.
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
[[ -n $region ]] || die "no region: set AWS_REGION"
export AWS_REGION=$region AWS_DEFAULT_REGION=$region AWS_PAGER=
account=$(aws sts get-caller-identity --query Account --output text)

say "ecr_push.sh will, in account $account and region $region:"
say "  - create the ECR repository $repository, if it is missing"
say "  - build Dockerfile.lambda for $architecture and push it as $repository:$architecture"

find_repository() {
  aws ecr describe-repositories --repository-names "$repository" \
    --query 'repositories[0].repositoryUri' --output text
}

make_repository() {
  aws ecr create-repository --repository-name "$repository" \
    --image-scanning-configuration scanOnPush=true \
    --query repository.repositoryUri --output text
}

if ! uri=$(find_repository 2>&1); then
  [[ $uri == *RepositoryNotFoundException* ]] || die "$uri"
  uri=$(make_repository)
fi
image=$uri:$architecture

aws ecr get-login-password | docker login --username AWS --password-stdin "${uri%%/*}" >&2
# Lambda refuses the index that a provenance attestation makes of an image.
docker buildx build --platform "$platform" --provenance=false --load \
  --file "$root/Dockerfile.lambda" --tag "$image" "$@" "$root" >&2
docker push "$image" >&2

digest=$(aws ecr describe-images --repository-name "$repository" \
  --image-ids "imageTag=$architecture" --query 'imageDetails[0].imageDigest' --output text)
printf '%s@%s\n' "$uri" "$digest"

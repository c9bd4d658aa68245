#!/usr/bin/env bash
# Builds the images without a container engine: by buildah, on a base of debootstrap.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: images.sh build [bridge|lambda|local|usual ...]
       images.sh sources NAME
       images.sh buildah ARGUMENT ...

`build` builds the named images, or bridge and lambda, as localhost/hybridsphere-NAME.
`sources` prints a digest of an image's present sources. The image's label hybridsphere.sources has
the digest of the sources that it was built from.
`buildah` runs any command of buildah on the images, which are in .cache/images.

`build` and `buildah` need buildah, debootstrap and root. pip uses this machine's settings.

  SUITE    Debian of the base image (default: trixie, as in the Dockerfiles; its Python is 3.13)
TEXT
}

die() {
  echo "images.sh: $*" >&2
  exit 2
}

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cache=$root/.cache/images
suite=${SUITE:-trixie}
base=localhost/hybridsphere-base

# With these settings buildah needs neither overlay mounts nor a container runtime.
export BUILDAH_ISOLATION=chroot
buildah=(buildah --root "$cache/storage" --runroot "$cache/run" --storage-driver vfs)

main() {
  case ${1:-} in
    build) shift && need_tools && build "$@" ;;
    sources) sources "${2:-}" ;;
    buildah) shift && need_tools && exec "${buildah[@]}" "$@" ;;
    *) usage >&2 && exit 2 ;;
  esac
}

need_tools() {
  local tool
  for tool in buildah debootstrap; do
    command -v "$tool" >/dev/null || die "$tool is not installed; Debian has a package of that name"
  done
  ((EUID == 0)) || die "debootstrap needs root"
}

build() {
  (($#)) || set -- bridge lambda
  local name
  for name in "$@"; do
    dockerfile "$name" >/dev/null
  done
  mkdir -p "$cache"
  scratch=$(mktemp -d "$cache/build.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  "${buildah[@]}" inspect --type image "$base:$suite" >/dev/null 2>&1 || make_base
  "${buildah[@]}" tag "$base:$suite" "$base"
  take_pip_along
  for name in "$@"; do make_image "$name"; done
  # Images of an earlier build with the same names.
  "${buildah[@]}" rmi --prune >/dev/null
  "${buildah[@]}" images
}

make_base() {
  echo "images.sh: making $base:$suite" >&2
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    "$suite" "$scratch/base" >"$scratch/log" || die "debootstrap: $(tail "$scratch/log")"
  rm -rf "$scratch"/base/var/{cache/apt/archives,lib/apt/lists}/*
  printf 'FROM scratch\nADD . /\n' >"$scratch/Dockerfile"
  "${buildah[@]}" bud --quiet --file "$scratch/Dockerfile" --tag "$base:$suite" "$scratch/base"
  rm -rf "$scratch/base"
}

# Mounts the settings of this machine's pip during the build; the image does not contain them. pip
# warns of indexes in folders of this machine, and continues.
take_pip_along() {
  local certificates
  mounts=(--volume "$scratch/pip.conf:/etc/pip.conf:ro")
  python3 -m pip config list | as_pip_conf >"$scratch/pip.conf"
  certificates=$(sed -n 's/^cert = //p' "$scratch/pip.conf")
  [[ -z $certificates ]] || mounts+=(--volume "$certificates:$certificates:ro")
}

as_pip_conf() {
  python3 -c '
import ast, configparser, sys

config = configparser.RawConfigParser()
# Lines as global.timeout="60"; those of the environment, :env:.timeout="60", come last and win.
for line in sorted(sys.stdin, reverse=True):
    name, value = line.split("=", 1)
    section, option = name.replace(":env:", "global").rsplit(".", 1)
    config.read_dict({section: {option: ast.literal_eval(value)}})
config.write(sys.stdout)'
}

# The usual image exists for measurements only.
dockerfile() {
  local file=Dockerfile.$1
  [[ $1 != usual ]] || file=bench/$file
  [[ -e $root/$file ]] || die "there is no $file"
  echo "$file"
}

# The Dockerfile, and every file that it copies out of this tree, by name and content.
sources() {
  local file copied
  file=$(dockerfile "$1")
  mapfile -t copied < <(sed -n 's/^COPY \([^-].*\) [^ ]*$/\1/p' "$root/$file" | tr ' ' '\n')
  (
    cd "$root"
    find "$file" "${copied[@]}" -type f ! -path '*/__pycache__/*' \
      ! -path lambda_fn/prepared/'*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  ) | sha256sum | cut -d' ' -f1
}

# buildah omits the health check unless the format is that of Docker.
make_image() {
  local file sources
  file=$(dockerfile "$1")
  sources=$(sources "$1")
  echo "images.sh: making localhost/hybridsphere-$1" >&2
  "${buildah[@]}" bud --format docker "${mounts[@]}" --build-arg BASE="$base" \
    --label "hybridsphere.sources=$sources" --file "$root/$file" \
    --tag "localhost/hybridsphere-$1" "$root"
}

main "$@"

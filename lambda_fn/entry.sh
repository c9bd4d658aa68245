#!/bin/sh
# Starts the function's runtime client: under Lambda as it is, elsewhere under the Runtime
# Interface Emulator, which listens on port 8080. With `host` as the first word it starts the
# function's host, `hybridsphere host`, with the other words as options.
set -eu

if [ "${1:-}" = host ]; then
  exec python -m hybridsphere "$@"
fi

if [ -n "${AWS_LAMBDA_RUNTIME_API:-}" ]; then
  exec python -m awslambdaric "$@"
fi

if command -v aws-lambda-rie >/dev/null; then
  exec aws-lambda-rie python -m awslambdaric "$@"
fi

echo "entry.sh: AWS_LAMBDA_RUNTIME_API is not set, and aws-lambda-rie is not on the PATH:" \
  "run this image on Lambda, or with the Runtime Interface Emulator" >&2
exit 2

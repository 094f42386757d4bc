#!/usr/bin/env bash
# Runs the tests of every module of the repository with the race detector,
# which needs a C compiler. Arguments are flags of go test:
#
#	./test.sh                  # all tests
#	./test.sh -run TestVectors # some
#	./test.sh -v               # with the names of all tests and skips
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export GOWORK=off CGO_ENABLED=1

status=0
for module in $(.ci/modules); do
	(cd "$module" && go test -race -timeout 5m "$@" ./...) || status=1
done
exit $status

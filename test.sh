#!/usr/bin/env bash
# Installs what the tests need, where it is missing, and runs them: those of every
# module of the repository with the race detector, and those of the TypeScript
# client in Node and in Chromium. Arguments are flags of go test:
#
#	./test.sh                  # all tests
#	./test.sh -v               # with the names of all tests and skips
#	./test.sh -run TestVectors # some, and none of the TypeScript client
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export GOWORK=off CGO_ENABLED=1

.ci/install
status=0
for module in $(.ci/modules); do
	(cd "$module" && go test -race -timeout 5m "$@" ./...) || status=1
done
if [[ " $* " != *' -run'* ]]; then
	(cd ts && npm ci --no-audit --no-fund && npm test && npm run browser) || status=1
fi
exit $status

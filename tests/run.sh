#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests on both software drivers. Works from a fresh clone.
#   bash tests/run.sh          everything that fits into 25 minutes on two cores
#   bash tests/run.sh --all    the slow networks too (up to 60 minutes)
set -euo pipefail
cd "$(dirname "$0")/.."

export NIBBLE_TEST_SLOW=0
for argument in "$@"; do
  case "$argument" in
    --all) NIBBLE_TEST_SLOW=1 ;;
    *) echo "usage: tests/run.sh [--all]" >&2; exit 2 ;;
  esac
done

bash third_party/install.sh --tests
cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DNIBBLE_BUILD_TESTS=ON -DNIBBLE_WARNINGS_AS_ERRORS=ON
cmake --build build --parallel

data="${NIBBLE_TEST_DATA:-../shared}"
if [ ! -d "$data/models" ]; then
  echo "No shared test data at '$data' (set NIBBLE_TEST_DATA): tests on public networks will be skipped."
fi
ctest --test-dir build --output-on-failure --parallel 2

#!/usr/bin/env bash
# Builds the engine, the run-time tools and the tests that need no other library for another system, and runs them here.
#   bash tests/cross.sh arm64      64-bit ARM Linux: under qemu-user, networks on Mesa's llvmpipe for ARM
#   bash tests/cross.sh windows    64-bit Windows: under wine, networks on this machine's llvmpipe through wine
# Each compiles some 250 files; a run of the network in the emulator takes a minute or two.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:-}
case "$target" in
  arm64 | windows) ;;
  *) echo "usage: tests/cross.sh arm64|windows" >&2; exit 2 ;;
esac
bash third_party/install.sh --cross
build=build/$target
tests=(core_test nibble_format_test gpu_plan_test runtime_plan_test)
tools=(nibble-run nibble-inspect nibble-bench nibble-tune)
cmake --preset "$target"
if [ "$target" = arm64 ]; then
  cmake --build "$build" --target "${tools[@]}" "${tests[@]}"
else
  cmake --build "$build" --target "${tools[@]}" "${tests[@]}" nibble_shared
fi

# A network, by the converter of this machine.
native=build
[ -x $native/converter/nibble-convert ] || native=build/release
if [ ! -x $native/converter/nibble-convert ]; then
  cmake --preset release
  cmake --build build/release --target nibble-convert nibble-run nibble-inspect
fi
work=$build/cross_work
mkdir -p "$work"
models=samples/models
picture=$models/data/glyphs/sample.png
$native/converter/nibble-convert $models/classifier.onnx -o "$work/net.nbl" --weights int8 --rounding nearest --no-choose \
  --calibrate $models/data/glyphs/calibration-images-idx3-ubyte --samples 20 \
  --preprocess $models/classifier.preprocess.json --classes $models/classifier.classes.txt

# An ARM root with Mesa, through apt's own files in the build folder: nothing of this system changes.
arm64_root() {
  local top=$PWD/$build/root
  if [ ! -e "$top/done" ]; then
    local apt=$PWD/$build/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$top"
    : >"$apt/status"
    local options=(-qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o "Dir::State=$apt"
      -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache"
      -o APT::Sandbox::User=root -o Debug::NoLocking=1 -o APT::Install-Recommends=0)
    apt-get "${options[@]}" update >&2
    apt-get "${options[@]}" install -y --download-only libvulkan1 mesa-vulkan-drivers libstdc++6 >&2
    local package
    for package in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$package" "$top"; done
    touch "$top/done"
  fi
  echo "$top"
}

failed=0 passed=0
# The command's last lines, and whether it succeeded.
step() {
  local name=$1
  shift
  if "$@" >"$work/log" 2>&1; then
    passed=$((passed + 1))
    echo "passed  $name: $(grep -aE '^\[  PASSED|^   1 ' "$work/log" | tail -n 1 | tr -s ' ')"
  else
    failed=$((failed + 1))
    echo "FAILED  $name"
    tail -n 25 "$work/log"
  fi
}

in_build() { (cd "$build" && timeout 600 "${run[@]}" "$@"); }
same_text() {
  diff <(tr -d '\r' <"$1") "$2"
}

if [ "$target" = arm64 ]; then
  root=$(arm64_root)
  run=(qemu-aarch64 -L "$root")
  suffix=
  export VK_ICD_FILENAMES=$root/usr/share/vulkan/icd.d/lvp_icd.aarch64.json
  # qemu looks for the driver's path below its root by itself. Threads of llvmpipe that wait for each other take all time there.
  export VK_DRIVER_FILES=$VK_ICD_FILENAMES LP_NUM_THREADS=1
else
  export WINEPREFIX=$PWD/$build/wine WINEDEBUG=-all
  wine=$(command -v wine64 || echo /usr/lib/wine/wine64)
  run=(xvfb-run -a "$wine")
  suffix=.exe
  "${run[@]}" "$build/engine/tools/nibble-inspect.exe" --version >/dev/null 2>&1  # makes wine's folder
  export VK_ICD_FILENAMES=/usr/share/vulkan/icd.d/lvp_icd.x86_64.json VK_DRIVER_FILES=/usr/share/vulkan/icd.d/lvp_icd.x86_64.json
fi
export NIBBLE_DEVICE= NIBBLE_PIPELINE_CACHE=

for name in "${tests[@]}"; do
  program=$(find "$PWD/$build/tests" -name "$name$suffix" -type f | head -n 1)
  # From the build folder: tests name their files from there. Damaged files by the thousand take minutes in an emulator.
  filter='*'
  [ "$target" = arm64 ] && [ "$name" = nibble_format_test ] && filter='-*amage*:*ostile*'
  step "$name" in_build "$program" "--gtest_filter=$filter"
done
"${run[@]}" "$build/engine/tools/nibble-inspect$suffix" "$work/net.nbl" >"$work/there.txt" 2>/dev/null
$native/engine/tools/nibble-inspect "$work/net.nbl" >"$work/here.txt"
step "nibble-inspect says the same as here" same_text "$work/there.txt" "$work/here.txt"

# The int8 network gives the same bits everywhere, so its scores are the same text.
scores() { grep -a '^ *[0-9]  [0-9.]*  ' | tr -d '\r'; }
scores_agree() {
  "${run[@]}" "$build/engine/tools/nibble-run$suffix" "$work/net.nbl" --input $picture --top 5 | tee "$work/run.txt" | scores >"$work/scores_there.txt"
  local manifest=/usr/share/vulkan/icd.d/lvp_icd.x86_64.json
  VK_ICD_FILENAMES=$manifest VK_DRIVER_FILES=$manifest $native/engine/tools/nibble-run "$work/net.nbl" --input $picture --top 5 | scores >"$work/scores_here.txt"
  cat "$work/scores_there.txt"
  [ -s "$work/scores_there.txt" ] && diff "$work/scores_there.txt" "$work/scores_here.txt"
}
step "a network on llvmpipe gives the scores it gives here" scores_agree
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

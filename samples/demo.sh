#!/usr/bin/env bash
# The main job on what the repository ships: converts the two networks of samples/models to fp32, int8 and int4, runs
# them on the best Vulkan device there is, prints one table and draws a before/after picture. Works from a fresh clone.
set -euo pipefail
cd "$(dirname "$0")/.."

build=build/demo
out=out
models=samples/models
glyphs=$models/data/glyphs
pictures=$models/data/pictures

bash third_party/install.sh
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DNIBBLE_BUILD_TESTS=OFF
cmake --build "$build" --parallel --target nibble-convert nibble-compare nibble-run nibble-inspect super_resolution
convert=$build/converter/nibble-convert
compare=$build/converter/nibble-compare
run=$build/engine/tools/nibble-run
super_resolution=$build/samples/super_resolution/super_resolution
mkdir -p "$out"

# A number from one of compare's JSON files.
number() { sed -n "s/^ *\"$2\": *\(-\{0,1\}[0-9.e+-]*\),\{0,1\}$/\1/p" "$1" | head -n 1; }
percent() { awk -v v="$1" 'BEGIN { printf "%.2f %%", 100 * v }'; }
kilobytes() { awk -v v="$(stat -c %s "$1")" 'BEGIN { printf "%.1f kB", v / 1000 }'; }

rows=()
for weights in fp32 int8 int4; do
  calibrate=()
  [ "$weights" = fp32 ] || calibrate=(--calibrate "$glyphs/calibration-images-idx3-ubyte")
  "$convert" $models/classifier.onnx -o "$out/classifier.$weights.nbl" --weights "$weights" "${calibrate[@]}" \
    --preprocess $models/classifier.preprocess.json --classes $models/classifier.classes.txt
  "$compare" $models/classifier.onnx "$out/classifier.$weights.nbl" --data "$glyphs/held-out-images-idx3-ubyte" \
    --json "$out/classifier.$weights.json" >"$out/classifier.$weights.txt"
  json=$out/classifier.$weights.json
  rows+=("classifier|$weights|$(kilobytes "$out/classifier.$weights.nbl")|$(percent "$(number "$json" top1)")|$(percent "$(number "$json" agreement)")|$(number "$json" latency_ms | cut -c1-6) ms")
done

for weights in fp32 int8 int4; do
  calibrate=()
  [ "$weights" = fp32 ] || calibrate=(--calibrate "$pictures/calibration")
  "$convert" $models/upscaler.onnx -o "$out/upscaler.$weights.nbl" --weights "$weights" "${calibrate[@]}" \
    --preprocess $models/upscaler.preprocess.json
  "$compare" $models/upscaler.onnx "$out/upscaler.$weights.nbl" --data "$pictures/low" --task image \
    --json "$out/upscaler.$weights.json" >"$out/upscaler.$weights.txt"
  line=$("$super_resolution" "$out/upscaler.$weights.nbl" "$pictures/low" "$pictures/high" "$out/before_after.$weights.png")
  bicubic=$(sed 's/.*bicubic \([0-9.]*\) dB.*/\1/' <<<"$line")
  network=$(sed 's/.*network \([0-9.]*\) dB.*/\1/' <<<"$line")
  time=$(sed 's/.*, \([0-9.]*\) ms$/\1/' <<<"$line")
  to_fp32=$(number "$out/upscaler.$weights.json" psnr_db)
  rows+=("upscaler|$weights|$(kilobytes "$out/upscaler.$weights.nbl")|$network dB|$(awk -v v="${to_fp32:-inf}" 'BEGIN { printf "%.1f dB", v }')|$time ms")
done

echo
echo "Device: $("$run" --list-devices | head -n 1)"
echo "Classifier: accuracy on 2,050 held-out pictures, agreement with the ONNX file in fp32."
echo "Upscaler: PSNR to the true pictures (bicubic: $bicubic dB), PSNR to the ONNX file in fp32."
echo
{
  echo "network|weights|file|quality|to fp32|time a run"
  echo "-------|-------|----|-------|-------|----------"
  printf '%s\n' "${rows[@]}"
} | column -t -s '|'
echo
echo "Pictures: $out/before_after.int8.png (from left to right: bicubic, int8 network, truth)"

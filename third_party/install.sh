#!/usr/bin/env bash
# Installs what nibble needs on Debian 12 (and its relatives), as root or through sudo. Fast when all is there.
#
#   third_party/install.sh            to build nibble and run it
#   third_party/install.sh --tests    and to run all tests
#   third_party/install.sh --cross    and to build for 64-bit ARM and Windows and run that here (tests/cross.sh)
#   third_party/install.sh --format   and to check the formatting
#
# What each package is for: third_party/README.md.
set -euo pipefail

build=(build-essential cmake ninja-build pkg-config
  libvulkan-dev glslang-tools spirv-tools
  libonnx-dev libprotobuf-dev protobuf-compiler
  libflatbuffers-dev flatbuffers-compiler
  libeigen3-dev libdnnl-dev libcli11-dev nlohmann-json3-dev libzstd-dev libstb-dev libglm-dev libglfw3-dev libimgui-dev)
run=(libvulkan1 mesa-vulkan-drivers)
# Built by default together with the rest, so they are no part of --tests.
test_libraries=(libgtest-dev libbenchmark-dev vulkan-validationlayers)
tests=(python3-onnx python3-numpy mono-mcs mono-runtime file xvfb xauth xdotool clang doxygen)
cross=(g++-aarch64-linux-gnu qemu-user g++-mingw-w64-x86-64-posix wine64 xvfb xauth googletest)
format=(clang-format-14)

swiftshader_dir=/usr/local/lib/nibble-swiftshader

packages=("${build[@]}" "${run[@]}" "${test_libraries[@]}")
need_swiftshader=optional
for argument in "$@"; do
  case "$argument" in
    --tests) packages+=("${tests[@]}"); need_swiftshader=required ;;
    --cross) packages+=("${cross[@]}") ;;
    --format) packages+=("${format[@]}") ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "install.sh: unknown option '$argument'; --help lists them" >&2; exit 2 ;;
  esac
done

say() { echo "install.sh: $*"; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    say "'$*' needs root: run this as root or install sudo" >&2
    return 1
  fi
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
log=$scratch/log

updated=no
update_lists() {
  [ "$updated" = no ] || return 1
  updated=yes
  say "reading the package lists"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >"$log" 2>&1 || { tail -n 20 "$log" >&2; return 1; }
}

# Runs a command; when it fails, once more after reading the package lists. Shows its output only when that fails too.
with_fresh_lists() {
  "$@" >"$log" 2>&1 && return 0
  update_lists && "$@" >"$log" 2>&1 && return 0
  tail -n 20 "$log" >&2
  return 1
}

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  if [ ${#missing[@]} -eq 0 ]; then
    say "all ${#packages[@]} packages are there"
    return
  fi
  if ! command -v apt-get >/dev/null; then
    say "this system has no apt-get; install what these Debian packages hold: ${missing[*]}" >&2
    return 1
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  if ! with_fresh_lists as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}"; then
    say "apt-get could not install them" >&2
    return 1
  fi
  mapfile -t missing < <(missing_packages)
  if [ ${#missing[@]} -ne 0 ]; then
    say "still missing: ${missing[*]}" >&2
    return 1
  fi
}

download_chromium_common() { (cd "$scratch" && apt-get download -q -o APT::Sandbox::User=root chromium-common); }

# SwiftShader is a Vulkan driver that runs on any CPU; Debian ships it inside chromium-common. Only its library is taken.
install_swiftshader() {
  local library=$swiftshader_dir/libvk_swiftshader.so manifest=$swiftshader_dir/vk_swiftshader_icd.json
  if [ -s "$library" ] && [ -s "$manifest" ]; then
    say "SwiftShader is there"
    return
  fi
  say "fetching SwiftShader"
  with_fresh_lists download_chromium_common || return 1
  dpkg-deb -x "$scratch"/chromium-common_*.deb "$scratch/unpacked"
  local found
  found=$(find "$scratch/unpacked" -name libvk_swiftshader.so -print -quit)
  if [ -z "$found" ]; then
    say "chromium-common no longer holds libvk_swiftshader.so" >&2
    return 1
  fi
  cat >"$scratch/icd.json" <<END
{"file_format_version": "1.0.0", "ICD": {"library_path": "$library", "api_version": "1.3.0"}}
END
  as_root mkdir -p "$swiftshader_dir"
  as_root install -m 644 "$found" "$library"
  as_root install -m 644 "$scratch/icd.json" "$manifest"
  say "SwiftShader is in $swiftshader_dir"
}

install_packages
if ! install_swiftshader; then
  say "SwiftShader could not be installed: GPU tests run on llvmpipe only" >&2
  [ "$need_swiftshader" = optional ] || exit 1
fi

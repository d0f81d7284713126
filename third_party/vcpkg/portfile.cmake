# An overlay port of the engine: vcpkg install nibble --overlay-ports=third_party/vcpkg. It builds the sources it lies in.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
vcpkg_check_features(OUT_FEATURE_OPTIONS features FEATURES zstd NIBBLE_ZSTD)
vcpkg_add_to_path("${CURRENT_HOST_INSTALLED_DIR}/tools/flatbuffers")
vcpkg_add_to_path("${CURRENT_HOST_INSTALLED_DIR}/tools/glslang")
vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}" OPTIONS ${features}
  -DNIBBLE_BUILD_TOOLS=OFF -DNIBBLE_BUILD_CONVERTER=OFF -DNIBBLE_BUILD_SAMPLES=OFF -DNIBBLE_BUILD_TESTS=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/nibble)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")

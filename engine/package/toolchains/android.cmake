# Android with the NDK, whose folder the environment variable ANDROID_NDK names. ANDROID_ABI (arm64-v8a, x86_64, ...) and
# ANDROID_PLATFORM (android-28 is the first with Vulkan 1.1 for everybody) are the NDK's own variables.
if(NOT DEFINED ENV{ANDROID_NDK} OR NOT EXISTS "$ENV{ANDROID_NDK}/build/cmake/android.toolchain.cmake")
  message(FATAL_ERROR "ANDROID_NDK is '$ENV{ANDROID_NDK}', expected the folder of an Android NDK (with build/cmake/android.toolchain.cmake)")
endif()
if(NOT DEFINED ANDROID_PLATFORM)
  set(ANDROID_PLATFORM android-28)
endif()
if(ANDROID_PLATFORM MATCHES "([0-9]+)$" AND CMAKE_MATCH_1 LESS 28)
  message(FATAL_ERROR "ANDROID_PLATFORM is ${ANDROID_PLATFORM}, expected at least android-28: the engine needs Vulkan 1.1")
endif()
include("$ENV{ANDROID_NDK}/build/cmake/android.toolchain.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/host_headers.cmake")

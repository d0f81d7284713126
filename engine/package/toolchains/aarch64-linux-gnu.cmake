# 64-bit ARM Linux with Debian's cross compiler (g++-aarch64-linux-gnu). Programs run through qemu-user where it is
# installed, so that ctest runs here.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_STRIP aarch64-linux-gnu-strip)

# The compiler's own root holds the C library and what a program in C++ needs.
find_program(NIBBLE_QEMU_AARCH64 NAMES qemu-aarch64 qemu-aarch64-static)
if(NIBBLE_QEMU_AARCH64)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${NIBBLE_QEMU_AARCH64};-L;/usr/aarch64-linux-gnu")
endif()
include("${CMAKE_CURRENT_LIST_DIR}/host_headers.cmake")

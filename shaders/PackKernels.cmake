# nibble_pack_kernels(<output_dir>): after nibble_end_kernels, a command that writes <output_dir>/kernel_code.inc, all
# kernels of the table packed. NIBBLE_PACKED_KERNELS is then that file.
set(NIBBLE_PACKER_SOURCE "${CMAKE_CURRENT_LIST_DIR}/packer")

# Sets NIBBLE_PACKER to the command and makes the target that builds it.
macro(nibble_find_packer)
  if(NOT CMAKE_CROSSCOMPILING)
    if(NOT TARGET nibble-pack-kernels)
      add_subdirectory("${NIBBLE_PACKER_SOURCE}" "${CMAKE_BINARY_DIR}/packer")
    endif()
    set(NIBBLE_PACKER "$<TARGET_FILE:nibble-pack-kernels>")
  else()
    include(ExternalProject)
    set(NIBBLE_PACKER "${CMAKE_BINARY_DIR}/packer/nibble-pack-kernels")
    if(CMAKE_HOST_WIN32)
      string(APPEND NIBBLE_PACKER ".exe")
    endif()
    if(NOT TARGET nibble-pack-kernels)
      # Without a toolchain file and without CXX CMake takes the host's own compiler.
      ExternalProject_Add(nibble-pack-kernels
        SOURCE_DIR "${NIBBLE_PACKER_SOURCE}" BINARY_DIR "${CMAKE_BINARY_DIR}/packer"
        CONFIGURE_COMMAND ${CMAKE_COMMAND} -E env --unset=CXX --unset=CXXFLAGS --unset=LDFLAGS
          ${CMAKE_COMMAND} -S <SOURCE_DIR> -B <BINARY_DIR> -G ${CMAKE_GENERATOR} -DCMAKE_BUILD_TYPE=Release
        BUILD_COMMAND ${CMAKE_COMMAND} --build <BINARY_DIR> --config Release
        BUILD_ALWAYS ON INSTALL_COMMAND "" BUILD_BYPRODUCTS "${NIBBLE_PACKER}")
    endif()
  endif()
endmacro()

macro(nibble_pack_kernels output_dir)
  nibble_find_packer()
  set(NIBBLE_PACKED_KERNELS "${output_dir}/kernel_code.inc")
  file(GENERATE OUTPUT "${output_dir}/kernel_list.txt" CONTENT "${NIBBLE_KERNEL_LIST}")
  add_custom_command(
    OUTPUT "${NIBBLE_PACKED_KERNELS}"
    COMMAND "${NIBBLE_PACKER}" "${output_dir}/kernel_list.txt" "${NIBBLE_PACKED_KERNELS}"
    DEPENDS nibble-pack-kernels "${NIBBLE_PACKER}" "${output_dir}/kernel_list.txt" ${NIBBLE_KERNEL_HEADERS}
    COMMENT "packing kernels"
    VERBATIM)
endmacro()

# Compiles shaders to SPIR-V and writes the kernel table: one kernel() call = one glslangValidator command and one row.
#
#   kernel(<family> <name> <source>  [TYPES W=<t> A=<t> O=<t>] [DEFINE <macro>...] [NEEDS <caps bit>...]
#          [PATH dot|shift|f32] [PUSH <struct of params.h>])
#
# TYPES becomes macros (A=f16: A_f16) and the key the lowering asks with; t is f32, f16, i8, u8, i4, lut4 or i32.
# NEEDS names bits of gpu::Caps; a row without it runs on every Vulkan 1.1 device. Rows of a family stand best first.
#
# A table is what stands between nibble_begin_kernels and nibble_end_kernels in one folder: shaders/kernels.cmake is the
# engine's, shaders/probes.cmake that of the tools.

set(NIBBLE_KERNEL_FILTER "" CACHE STRING "Compile in only kernels whose name matches this regular expression (empty: all)")
find_program(NIBBLE_GLSLANG glslangValidator REQUIRED)
set(NIBBLE_SHADER_DIR "${CMAKE_CURRENT_LIST_DIR}")

# nibble_begin_kernels(<output_dir> [<regular expression that the names of rows must match>])
# Rows that NIBBLE_ROW_LIST, if set, does not name are left out too.
macro(nibble_begin_kernels output_dir)
  set(NIBBLE_ROW_FILTER "${ARGN}")
  set(NIBBLE_ROWS_ABSENT "")
  set(NIBBLE_ROWS_KNOWN "")
  set(NIBBLE_SPIRV_DIR "${output_dir}/spirv")
  file(MAKE_DIRECTORY "${NIBBLE_SPIRV_DIR}")  # glslangValidator exits 0 when it cannot write
  set(NIBBLE_KERNEL_HEADERS "")
  set(NIBBLE_KERNEL_INCLUDES "")
  set(NIBBLE_KERNEL_ROWS "")
  set(NIBBLE_KERNEL_LIST "")
endmacro()

function(kernel family name source)
  cmake_parse_arguments(ROW "" "PATH;PUSH" "TYPES;DEFINE;NEEDS" ${ARGN})
  if(ROW_UNPARSED_ARGUMENTS OR NOT ROW_PUSH)
    message(FATAL_ERROR "kernel ${name}: unknown arguments '${ROW_UNPARSED_ARGUMENTS}', or no PUSH struct")
  endif()
  set(key_W any)
  set(key_A any)
  set(key_O any)
  set(defines "")
  foreach(type IN LISTS ROW_TYPES)
    if(NOT type MATCHES "^([WAO])=(f32|f16|i8|u8|i4|i32|lut4)$")
      message(FATAL_ERROR "kernel ${name}: bad type '${type}'")
    endif()
    set(key_${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
    list(APPEND defines "-D${CMAKE_MATCH_1}_${CMAKE_MATCH_2}=1")
  endforeach()
  foreach(macro IN LISTS ROW_DEFINE)
    list(APPEND defines "-D${macro}")
  endforeach()
  set(needs "0")
  foreach(bit IN LISTS ROW_NEEDS)
    string(APPEND needs " | gpu::Caps::${bit}")
  endforeach()
  set(path "std::nullopt")
  if(ROW_PATH)
    set(path "gpu::Int8Path::${ROW_PATH}")
    string(TOUPPER "${ROW_PATH}" upper_path)
    list(APPEND defines "-DPATH_${upper_path}=1")
  endif()

  list(APPEND NIBBLE_ROWS_KNOWN "${name}")
  set(NIBBLE_ROWS_KNOWN "${NIBBLE_ROWS_KNOWN}" PARENT_SCOPE)
  if((NIBBLE_ROW_FILTER AND NOT name MATCHES "${NIBBLE_ROW_FILTER}") OR
     (NIBBLE_ROW_LIST AND NOT name IN_LIST NIBBLE_ROW_LIST))
    string(CONCAT absent "NBL_KERNEL(${family}, ${name}, ${key_W}, ${key_A}, ${key_O})\n")
    set(NIBBLE_ROWS_ABSENT "${NIBBLE_ROWS_ABSENT}${absent}" PARENT_SCOPE)
    return()
  endif()

  set(header "${NIBBLE_SPIRV_DIR}/${name}.h")
  add_custom_command(
    OUTPUT "${header}"
    COMMAND "${NIBBLE_GLSLANG}" -V -g0 --quiet --target-env vulkan1.1 -S comp "-I${NIBBLE_SHADER_DIR}" ${defines}
            --vn "${name}_spv" --depfile "${header}.d" -o "${header}" "${NIBBLE_SHADER_DIR}/${source}"
    DEPENDS "${NIBBLE_SHADER_DIR}/${source}"
    DEPFILE "${header}.d"
    COMMENT "kernel ${name}"
    VERBATIM)
  set(NIBBLE_KERNEL_HEADERS ${NIBBLE_KERNEL_HEADERS} "${header}" PARENT_SCOPE)
  set(NIBBLE_KERNEL_INCLUDES "${NIBBLE_KERNEL_INCLUDES}#include \"spirv/${name}.h\"\n" PARENT_SCOPE)
  string(CONCAT row "NBL_KERNEL(${family}, ${name}, ${key_W}, ${key_A}, ${key_O}, (${needs}), ${path}, ${ROW_PUSH})\n")
  set(NIBBLE_KERNEL_ROWS "${NIBBLE_KERNEL_ROWS}${row}" PARENT_SCOPE)
  set(NIBBLE_KERNEL_LIST "${NIBBLE_KERNEL_LIST}${family} ${header}\n" PARENT_SCOPE)
endfunction()

# Writes <output_dir>/kernel_spirv.inc, kernel_rows.inc and kernel_absent.inc (rows that were left out);
# NIBBLE_KERNEL_HEADERS then lists what to depend on.
macro(nibble_end_kernels output_dir)
  foreach(row IN LISTS NIBBLE_ROW_LIST)
    if(NOT row IN_LIST NIBBLE_ROWS_KNOWN)
      message(FATAL_ERROR "NIBBLE_KERNELS_FOR: this version has no kernel '${row}'; make the list again with its nibble-inspect")
    endif()
  endforeach()
  if(NOT NIBBLE_KERNEL_ROWS)
    message(FATAL_ERROR "No kernel is left: look at NIBBLE_KERNEL_FILTER and NIBBLE_KERNELS_FOR")
  endif()
  file(GENERATE OUTPUT "${output_dir}/kernel_absent.inc" CONTENT "${NIBBLE_ROWS_ABSENT}")
  file(GENERATE OUTPUT "${output_dir}/kernel_spirv.inc" CONTENT "${NIBBLE_KERNEL_INCLUDES}")
  file(GENERATE OUTPUT "${output_dir}/kernel_rows.inc" CONTENT "${NIBBLE_KERNEL_ROWS}")
endmacro()

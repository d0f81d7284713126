# Libraries that are headers only serve every architecture: those of this machine, in a root of their own, because the
# compiler's headers that lie beside them in /usr/include are of the wrong system.
if(CMAKE_BINARY_DIR MATCHES "/CMakeTmp|/CMakeScratch|/TryCompile")  # a probe of the compiler
  return()
endif()
set(root "${CMAKE_BINARY_DIR}/host_headers")
if(NOT EXISTS "${root}/include")
  file(MAKE_DIRECTORY "${root}/include" "${root}/share/cmake")
  foreach(folder vulkan vk_video flatbuffers CLI nlohmann stb glm)
    if(EXISTS "/usr/include/${folder}")
      file(CREATE_LINK "/usr/include/${folder}" "${root}/include/${folder}" SYMBOLIC)
    endif()
  endforeach()
  foreach(package CLI11 nlohmann_json)  # copies: through a link their files would name /usr
    if(EXISTS "/usr/share/cmake/${package}")
      file(COPY "/usr/share/cmake/${package}" DESTINATION "${root}/share/cmake")
    endif()
  endforeach()
endif()
list(APPEND CMAKE_FIND_ROOT_PATH "${root}")
list(APPEND CMAKE_PREFIX_PATH "/")  # the root itself
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

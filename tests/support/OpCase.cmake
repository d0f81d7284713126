# Target nibble_op_case: one-node graphs with random inputs and what the oracle says of them. include(OpCase) to use it.
include_guard(GLOBAL)
add_library(nibble_op_case STATIC ${CMAKE_CURRENT_LIST_DIR}/op_case.cpp ${CMAKE_CURRENT_LIST_DIR}/op_case_conv.cpp
            ${CMAKE_CURRENT_LIST_DIR}/op_case_tolerance.cpp)
target_link_libraries(nibble_op_case PUBLIC nibble_reference)
target_include_directories(nibble_op_case PUBLIC ${CMAKE_CURRENT_LIST_DIR}/../..)

// The C library's heap.
#pragma once

namespace nibble {

// Gives memory that was freed back to the system where the C library would keep it (glibc keeps a heap for every thread
// that ever allocated). Some milliseconds: for after work that needed much, never between runs.
void trim_heap();

}  // namespace nibble

// Marks what a shared library of the engine shows; nothing else leaves it.
#ifndef NIBBLE_EXPORT_H
#define NIBBLE_EXPORT_H

#if defined(_WIN32)
#if defined(NIBBLE_BUILDING_SHARED)
#define NBL_API __declspec(dllexport)
#elif defined(NIBBLE_USING_SHARED)
#define NBL_API __declspec(dllimport)
#else
#define NBL_API
#endif
#elif defined(__GNUC__)
#define NBL_API __attribute__((visibility("default")))
#else
#define NBL_API
#endif

#endif

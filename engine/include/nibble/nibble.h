// The whole public API, except vulkan.h (for applications that bring their own device).
#pragma once

#include "nibble/device.h"
#include "nibble/model.h"
#include "nibble/prepare.h"
#include "nibble/result.h"
#include "nibble/session.h"
#include "nibble/tensor.h"
#include "nibble/tune.h"
#include "nibble/version.h"

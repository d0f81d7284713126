// Networks for the samples' tests: those that the repository ships and public ones of the shared data, converted once.
#pragma once

#include <string>
#include <vector>

namespace nibble::test {

// The path of the shipped "classifier" or "upscaler" with these weights: "fp32", "int8" or "int4" (rounded to nearest
// and calibrated on two samples: quick to make, good enough to tell right from wrong).
std::string shipped_network(const std::string& name, const std::string& weights);

// A shared ONNX file in fp32, "yolox_nano/yolox_nano.onnx"; empty where the shared data is absent.
std::string shared_network(const std::string& onnx, const std::vector<std::string>& options);

// An ONNX file in fp32, beside it.
std::string converted_network(const std::string& onnx, const std::vector<std::string>& options);

std::string shipped_file(const std::string& name);  // below samples/models

}  // namespace nibble::test

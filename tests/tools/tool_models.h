// Model files for the tests of nibble-run and nibble-bench: so small that every result can be told by hand.
#pragma once

#include <string>

namespace nibble::test {

// Input "image" [N, 3, H, W] f32 -> mean over each colour -> output "scores" [N, 3]. Classes red, green, blue.
void write_color_classifier(const std::string& path);

// Input "image" [1, 3, H, W] f32 -> output "negative" = 1 - image.
void write_negative(const std::string& path);

// Inputs "a" [N, 2] f32 and "b/x" [N, 2] f32 -> outputs "sum:0" = a + b and "sum_0" = -a, whose file names clash.
void write_sums(const std::string& path);

// Inputs "bytes" [1, 1, 2, 2] u8, "fine" [4] i8 with scale 0.5 and zero point 3, "ids" [2] i64 -> outputs "bytes_f32"
// and "fine_f32" f32, and "ids_out" i64 = ids.
void write_integers(const std::string& path);

// Input "image" [1, 1, 2, 3] f32 gray: pixel 1 is the score, pixels 2 to 5 the corners of a box, as ultraface gives
// them.
void write_detector(const std::string& path);

// Input "x" [1, 4, 8, 8] f32 -> 1x1 convolution "conv" to 8 channels -> output "y".
void write_convolution(const std::string& path);

// Input "x" [4] f32 -> output "y" = x + NaN.
void write_broken(const std::string& path);

}  // namespace nibble::test

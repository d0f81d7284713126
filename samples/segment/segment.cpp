// Says which parts of a picture show what, and lays the classes over it in colours.
//
//   segment MODEL.nbl PICTURE OUT.png
#include <cstdio>
#include <map>

#include "picture_net/picture_net.h"

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: segment MODEL.nbl PICTURE OUT.png\n"), 2;
  try {
    const auto device = nibble::Device::create().value();
    auto network = nibble::samples::PictureNet::open(device, argv[1]).value();
    const auto picture = nibble::media::read_image(argv[2]).value();
    network.run(picture).value();
    const nibble::samples::Mask mask = network.mask().value();
    std::map<int, size_t> pixels;
    for (int label : mask.labels) ++pixels[label];
    for (const auto& [label, count] : pixels) {
      std::printf("%5.1f %%  %s\n", 100.0 * static_cast<double>(count) / static_cast<double>(mask.labels.size()),
                  network.label_name(label).c_str());
    }
    nibble::media::write_png(argv[3], nibble::samples::overlay(picture, mask, 0.6f)).value();
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "segment: %s\n", e.what()), 1;
  }
}

// Says what a picture shows.
//
//   classify MODEL.nbl PICTURE
#include <cstdio>

#include "picture_net/picture_net.h"

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: classify MODEL.nbl PICTURE\n"), 2;
  try {
    const auto device = nibble::Device::create().value();
    auto network = nibble::samples::PictureNet::open(device, argv[1]).value();
    network.run(nibble::media::read_image(argv[2]).value()).value();
    const auto best = network.classes(5).value();
    for (const auto& found : best) {
      std::printf("%6.2f %%  %s\n", 100.0 * static_cast<double>(found.score), found.name.c_str());
    }
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "classify: %s\n", e.what()), 1;
  }
}

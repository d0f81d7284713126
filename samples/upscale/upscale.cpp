// Makes a picture of a picture: larger, in another style, whatever the network does.
//
//   upscale MODEL.nbl PICTURE OUT.png
#include <cstdio>

#include "picture_net/picture_net.h"

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: upscale MODEL.nbl PICTURE OUT.png\n"), 2;
  try {
    const auto device = nibble::Device::create().value();
    auto network = nibble::samples::PictureNet::open(device, argv[1]).value();
    const auto picture = nibble::media::read_image(argv[2]).value();
    network.run(picture).value();
    const auto made = network.picture().value();
    nibble::media::write_png(argv[3], made).value();
    std::printf("%d x %d -> %d x %d in %.1f ms on %s\n", picture.width, picture.height, made.width, made.height,
                network.run_ms(), device.name().c_str());
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "upscale: %s\n", e.what()), 1;
  }
}

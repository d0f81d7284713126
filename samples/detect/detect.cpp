// Finds objects in a picture, lists them and draws their boxes.
//
//   detect MODEL.nbl PICTURE [OUT.png]
#include <cstdio>

#include "picture_net/picture_net.h"
#include "tools/picture_drawing.h"

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return std::fprintf(stderr, "usage: detect MODEL.nbl PICTURE [OUT.png]\n"), 2;
  try {
    const auto device = nibble::Device::create().value();
    auto network = nibble::samples::PictureNet::open(device, argv[1]).value();
    auto picture = nibble::media::read_image(argv[2]).value();
    network.run(picture).value();
    const auto boxes = network.boxes().value();
    for (const nibble::media::Box& box : boxes) {
      std::printf("%.3f  %-16s %.1f %.1f %.1f %.1f\n", static_cast<double>(box.score),
                  network.label_name(box.label).c_str(), static_cast<double>(box.x1), static_cast<double>(box.y1),
                  static_cast<double>(box.x2), static_cast<double>(box.y2));
    }
    std::printf("%zu found\n", boxes.size());
    if (argc == 4) {
      nibble::tools::draw_boxes(picture, boxes);
      nibble::media::write_png(argv[3], picture).value();
    }
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "detect: %s\n", e.what()), 1;
  }
}

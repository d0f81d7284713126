// Classifies one image of zeros: the least a program needs to run a network.
#include <nibble/nibble.h>

#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: hello MODEL.nbl\n"), 2;
  auto device = nibble::Device::create().value();
  auto model = nibble::Model::load(argv[1]).value();
  auto session = nibble::Session::create(device, model).value();

  std::vector<float> image(model.inputs()[0].elements()), scores(model.outputs()[0].elements());
  session.write("", image).value();
  session.run().value();
  session.read(model.outputs()[0].name, scores).value();
  std::printf("%s on %s: first score %f\n", argv[1], device.name().c_str(), static_cast<double>(scores[0]));
}

// The C++ API as installed: what samples/c/classify.c does.
#include <nibble/nibble.h>
#include <nibble/tune.h>

#include <algorithm>
#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto device = nibble::Device::create();
  if (!device) return std::fprintf(stderr, "%s\n", device.error().message.c_str()), 1;
  auto model = nibble::Model::load(argv[1]);
  if (!model) return std::fprintf(stderr, "%s\n", model.error().message.c_str()), 1;
  auto session = nibble::Session::create(*device, *model).value();
  std::vector<float> image(model->inputs()[0].elements()), scores(model->outputs()[0].elements());
  for (size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i) / static_cast<float>(image.size());
  session.write("", std::span<const float>(image)).value();
  session.run().value();
  session.read("", std::span<float>(scores)).value();
  const auto best = std::max_element(scores.begin(), scores.end());
  std::printf("best output %zu of %zu: %f\n", static_cast<size_t>(best - scores.begin()), scores.size(),
              static_cast<double>(*best));
}

// Scales the pictures of a folder up with a network, measures PSNR against the true pictures of the same names, and
// draws bicubic, network and truth side by side.
//
//   super_resolution upscaler.nbl low/ high/ [before_after.png]
//
// Prints one line: "pictures N, bicubic X dB, network Y dB, Z ms". The network takes and gives RGB, values 0 to 1.
#include <nibble/nibble.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "media/image.h"
#include "media/metrics.h"
#include "media/preprocess.h"
#include "media/resample.h"

namespace {

using nibble::media::Image;

struct Upscaled {
  Image picture;
  double milliseconds;  // of the run alone
};

Upscaled upscale(nibble::Session& session, const Image& low) {
  const nibble::media::Preprocessing preprocessing{.color = nibble::media::Color::rgb,
                                                   .layout = nibble::media::Layout::nchw};
  session.bind_dims({{"H", low.height}, {"W", low.width}}).value();
  const auto& input = session.inputs().at(0);
  const auto& output = session.outputs().at(0);
  const std::vector<float> values = nibble::media::apply(preprocessing, low, input.shape).value();
  session.write(input.name, values).value();
  session.run().value();  // the first run of a new size may still prepare something; time the second
  const auto begin = std::chrono::steady_clock::now();
  session.run().value();
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
  std::vector<float> result(output.elements());
  session.read(output.name, result).value();
  return {nibble::media::to_image(preprocessing, result, output.shape, &low, input.shape).value(), time.count()};
}

// Pictures of equal size next to each other, a white line between.
Image side_by_side(const std::vector<Image>& pictures) {
  constexpr int kGap = 4;
  const Image& first = pictures.front();
  const int count = static_cast<int>(pictures.size());
  Image out = nibble::media::make_image(count * first.width + (count - 1) * kGap, first.height, 3);
  std::fill(out.pixels.begin(), out.pixels.end(), uint8_t{255});
  for (int i = 0; i < count; ++i) {
    for (int y = 0; y < first.height; ++y) {
      std::copy_n(pictures[static_cast<size_t>(i)].at(0, y), first.width * 3, out.at(i * (first.width + kGap), y));
    }
  }
  return out;
}

// The top right quarter of a picture, enlarged, where details show.
Image detail(const Image& picture) {
  Image part = nibble::media::make_image(picture.width / 2, picture.height / 2, 3);
  for (int y = 0; y < part.height; ++y)
    std::copy_n(picture.at(picture.width / 2, y + picture.height / 4), part.width * 3, part.at(0, y));
  return nibble::media::resize(part, part.width * 3, part.height * 3, nibble::media::Filter::bicubic).value();
}

int run(int argc, char** argv) {
  auto device = nibble::Device::create().value();
  auto model = nibble::Model::load(argv[1]).value();
  auto session = nibble::Session::create(device, model).value();

  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[2])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  double bicubic_db = 0.0, network_db = 0.0;
  std::vector<double> times;
  for (const auto& file : files) {
    const Image low = nibble::media::read_image(file.string()).value();
    const Image high = nibble::media::read_image((std::filesystem::path(argv[3]) / file.filename()).string()).value();
    const Image bicubic = nibble::media::resize(low, high.width, high.height, nibble::media::Filter::bicubic).value();
    const Upscaled upscaled = upscale(session, low);
    bicubic_db += nibble::media::psnr_db(high, bicubic);
    network_db += nibble::media::psnr_db(high, upscaled.picture);
    times.push_back(upscaled.milliseconds);
    // The last picture (text) shows the difference best.
    if (argc > 4 && file == files.back()) {
      nibble::media::write_png(argv[4], side_by_side({detail(bicubic), detail(upscaled.picture), detail(high)}))
          .value();
    }
  }
  if (files.empty()) {
    std::fprintf(stderr, "super_resolution: no pictures in %s\n", argv[2]);
    return 1;
  }
  const auto n = static_cast<double>(files.size());
  std::sort(times.begin(), times.end());
  std::printf("pictures %zu, bicubic %.2f dB, network %.2f dB, %.2f ms\n", files.size(), bicubic_db / n, network_db / n,
              times[times.size() / 2]);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: super_resolution NETWORK.nbl LOW_FOLDER HIGH_FOLDER [BEFORE_AFTER.png]\n");
    return 2;
  }
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "super_resolution: %s\n", e.what());
    return 1;
  }
}

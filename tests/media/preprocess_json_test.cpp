#include "media/preprocess.h"
#include "media_testing.h"

namespace nibble::media::test {
namespace {

using Shape = std::vector<int64_t>;

TEST(PreprocessingJson, reads_every_key) {
  const auto found = parse_preprocessing(R"({
    "resize": {"mode": "letterbox", "size": [240, 320], "fill": [1, 2, 3], "anchor": "topleft", "filter": "bicubic"},
    "crop": [224, 200], "color": "bgr", "layout": "nhwc", "mean": [0.1, 0.2, 0.3], "std": 0.5, "label_offset": -1,
    "output": {"scale": 2, "offset": 7.5}})");
  ASSERT_TRUE(succeeds(found));
  Preprocessing expected;
  expected.resize =
      Resize{Resize::Mode::letterbox, Size{240, 320}, {1, 2, 3}, Resize::Anchor::topleft, Filter::bicubic};
  expected.crop = Size{224, 200};
  expected.color = Color::bgr;
  expected.layout = Layout::nhwc;
  expected.mean = {0.1, 0.2, 0.3};
  expected.std = {0.5};
  expected.label_offset = -1;
  expected.output_scale = 2;
  expected.output_offset = 7.5;
  EXPECT_EQ(*found, expected);
}

TEST(PreprocessingJson, reads_the_short_forms) {
  const auto short_side = parse_preprocessing(R"({"resize": 256, "crop": 224, "mean": 0.5})");
  ASSERT_TRUE(succeeds(short_side));
  EXPECT_EQ(short_side->resize->mode, Resize::Mode::short_side);
  EXPECT_EQ(short_side->resize->size, (Size{256, 256}));
  EXPECT_EQ(short_side->resize->filter, Filter::antialias);
  EXPECT_EQ(short_side->crop, (Size{224, 224}));
  EXPECT_EQ(short_side->mean, std::vector<double>{0.5});
  const auto stretched = parse_preprocessing(R"({"resize": [120, 160]})");
  ASSERT_TRUE(succeeds(stretched));
  EXPECT_EQ(stretched->resize->mode, Resize::Mode::stretch);
  EXPECT_EQ(stretched->resize->size, (Size{120, 160}));
  const auto gray_fill = parse_preprocessing(R"({"resize": {"mode": "letterbox", "fill": 114}})");
  ASSERT_TRUE(succeeds(gray_fill));
  EXPECT_EQ(gray_fill->resize->fill, (std::array<uint8_t, 3>{114, 114, 114}));
  EXPECT_FALSE(gray_fill->resize->size.has_value());
  EXPECT_EQ(*parse_preprocessing("{}"), Preprocessing{});
}

TEST(PreprocessingJson, writes_what_it_reads_again) {
  for (const char* text :
       {"{}", R"({"resize":256,"crop":224,"mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]})",
        R"({"resize":{"mode":"letterbox","fill":114,"anchor":"topleft"},"color":"bgr","std":0.00392156862745098})",
        R"({"resize":{"mode":"short","size":99,"filter":"bilinear"},"layout":"nhwc","label_offset":1})",
        R"({"resize":[3,4],"color":"ycbcr_y","output":{"scale":1,"offset":-3}})", R"({"color":"gray","crop":[5,6]})"}) {
    const auto first = parse_preprocessing(text);
    ASSERT_TRUE(succeeds(first));
    const auto second = parse_preprocessing(to_json(*first));
    ASSERT_TRUE(succeeds(second)) << to_json(*first);
    EXPECT_EQ(*first, *second) << to_json(*first);
    EXPECT_EQ(to_json(*first), to_json(*second));
  }
}

TEST(PreprocessingJson, names_the_key_that_is_unknown_or_wrong) {
  struct Case {
    const char* text;
    const char* key;
  };
  const Case cases[] = {
      {R"({"resise": 3})", "'resise'"},
      {R"({"resize": "big"})", "'resize'"},
      {R"({"resize": 0})", "'resize'"},
      {R"({"resize": -5})", "'resize'"},
      {R"({"resize": 2.5})", "'resize'"},
      {R"({"resize": [1, 2, 3]})", "'resize'"},
      {R"({"resize": [1, "x"]})", "'resize[1]'"},
      {R"({"resize": 99999999999999999999})", "'resize'"},
      {R"({"resize": 18446744073709551615})", "'resize'"},
      {R"({"resize": {"size": 3}})", "'resize.mode'"},
      {R"({"resize": {"mode": "squash"}})", "'resize.mode'"},
      {R"({"resize": {"mode": "short", "size": [3, 4]}})", "'resize.size'"},
      {R"({"resize": {"mode": "letterbox", "fill": 256}})", "'resize.fill'"},
      {R"({"resize": {"mode": "letterbox", "fill": [1, 2]}})", "'resize.fill'"},
      {R"({"resize": {"mode": "letterbox", "anchor": "left"}})", "'resize.anchor'"},
      {R"({"resize": {"mode": "stretch", "filter": "lanczos"}})", "'resize.filter'"},
      {R"({"resize": {"mode": "stretch", "colour": 1}})", "'resize.colour'"},
      {R"({"crop": null})", "'crop'"},
      {R"({"color": "cmyk"})", "'color'"},
      {R"({"layout": 4})", "'layout'"},
      {R"({"mean": "0"})", "'mean'"},
      {R"({"mean": []})", "'mean'"},
      {R"({"mean": [1, 2, 3, 4]})", "'mean'"},
      {R"({"std": 0})", "'std'"},
      {R"({"std": [1, 0, 1]})", "'std'"},
      {R"({"std": [1, true, 1]})", "'std[1]'"},
      {R"({"label_offset": 1.5})", "'label_offset'"},
      {R"({"output": 255})", "'output'"},
      {R"({"output": {"gain": 1}})", "'output.gain'"},
  };
  for (const Case& c : cases) EXPECT_TRUE(fails_naming(parse_preprocessing(c.text), {c.key})) << c.text;
}

TEST(PreprocessingJson, refuses_text_that_is_no_json_object) {
  for (const char* text : {"", "{", "[]", "3", "{\"mean\": 1e999}", "{\"mean\": NaN}", "{} x", "\xff\xfe"}) {
    EXPECT_TRUE(fails_naming(parse_preprocessing(text), {"JSON"})) << text;
  }
  EXPECT_FALSE(parse_preprocessing(std::string(100000, '[')));
  EXPECT_FALSE(parse_preprocessing("{\"mean\": " + std::string(100000, '[') + std::string(100000, ']') + "}"));
  const TempFolder folder;
  EXPECT_TRUE(fails_naming(read_preprocessing(folder.write("p.json", "{\"x\": 1}")), {"p.json", "'x'"}));
  EXPECT_TRUE(fails_naming(read_preprocessing(folder / "absent.json"), {"absent.json", "no such file"}));
}

}  // namespace
}  // namespace nibble::media::test

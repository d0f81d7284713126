#include "media/samples.h"

#include <cstring>

#include "media/label_file.h"
#include "media_testing.h"

namespace nibble::media::test {
namespace {

std::vector<std::string> names_of(const SampleSet& set) {
  std::vector<std::string> names;
  for (size_t i = 0; i < set.size(); ++i) names.push_back(set.name(i));
  return names;
}

std::vector<int> labels_of(const SampleSet& set) {
  std::vector<int> labels;
  for (size_t i = 0; i < set.size(); ++i) labels.push_back(set.label(i).value_or(-1));
  return labels;
}

void add_picture(const TempFolder& folder, const std::string& name, uint8_t gray) {
  std::string file = "P5 1 1 255\n";
  file.push_back(static_cast<char>(gray));
  folder.write(name, file);
}

void add_array(const TempFolder& folder, const std::string& name, float value) {
  const auto bytes = encode_npy(DType::f32, std::vector<int64_t>{1}, std::as_bytes(std::span(&value, 1)));
  folder.write(name, *bytes);
}

float only_value(const NamedArray& array) { return to_floats(array.array).at(0); }

// Magic and sizes are big-endian; all sizes here are below 256.
std::string idx(uint8_t dimensions, const std::vector<size_t>& sizes, const std::string& data) {
  std::string out{0, 0, 8, static_cast<char>(dimensions)};
  for (const size_t size : sizes) {
    out.append(3, '\0');
    out.push_back(static_cast<char>(size));
  }
  out.append(data);
  return out;
}

std::string idx_images(size_t count, size_t side, const std::string& data) { return idx(3, {count, side, side}, data); }

std::string idx_labels(const std::string& labels) { return idx(1, {labels.size()}, labels); }

TEST(Samples, searches_a_folder_of_pictures_in_sorted_order) {
  const TempFolder folder;
  for (const char* name : {"b.pgm", "a/2.pgm", "a/1.PGM", "c/x/y.pgm", ".hidden/no.pgm"}) add_picture(folder, name, 1);
  folder.write("notes.txt", "no sample");
  const auto set = open_samples(folder.path(), {});
  ASSERT_TRUE(succeeds(set));
  EXPECT_EQ(names_of(*set), (std::vector<std::string>{"a/1.PGM", "a/2.pgm", "b.pgm", "c/x/y.pgm"}));
  EXPECT_FALSE(set->has_labels()) << "a picture lies beside the folders, so they are no classes";
  EXPECT_TRUE(succeeds(set->image(3)));
  EXPECT_FALSE(set->arrays(3));
}

TEST(Samples, takes_sub_folders_as_classes_in_alphabetical_order) {
  const TempFolder folder;
  for (const char* name : {"dog/1.pgm", "cat/1.pgm", "cat/deep/2.pgm", "cat-big/1.pgm"}) add_picture(folder, name, 1);
  const auto set = open_samples(folder.path(), {});
  ASSERT_TRUE(succeeds(set));
  EXPECT_EQ(names_of(*set), (std::vector<std::string>{"cat/1.pgm", "cat/deep/2.pgm", "cat-big/1.pgm", "dog/1.pgm"}));
  EXPECT_EQ(labels_of(*set), (std::vector<int>{0, 0, 1, 2}));
}

TEST(Samples, one_sub_folder_is_no_class) {
  const TempFolder folder;
  add_picture(folder, "images/1.pgm", 1);
  const auto set = open_samples(folder.path(), {});
  ASSERT_TRUE(succeeds(set));
  EXPECT_FALSE(set->has_labels());
}

TEST(Samples, skip_and_count_cut_the_sorted_samples) {
  const TempFolder folder;
  for (const char* name : {"x/a.pgm", "x/b.pgm", "y/c.pgm", "y/d.pgm"}) add_picture(folder, name, 1);
  const auto middle = open_samples(folder.path(), {.skip = 1, .count = 2, .input_names = {}});
  ASSERT_TRUE(succeeds(middle));
  EXPECT_EQ(names_of(*middle), (std::vector<std::string>{"x/b.pgm", "y/c.pgm"}));
  EXPECT_EQ(labels_of(*middle), (std::vector<int>{0, 1}));
  const auto rest = open_samples(folder.path(), {.skip = 3, .count = 99, .input_names = {}});
  ASSERT_TRUE(succeeds(rest));
  EXPECT_EQ(rest->size(), 1u);
  EXPECT_TRUE(
      fails_naming(open_samples(folder.path(), {.skip = 4, .count = 1, .input_names = {}}), {"--skip", folder.path()}));
}

TEST(Samples, reads_label_files_with_comments_and_further_columns) {
  const TempFolder folder;
  add_picture(folder, "lists/pictures/b.pgm", 20);
  add_picture(folder, "lists/pictures/a.pgm", 10);
  folder.write(
      "lists/labels.tsv",
      "\xEF\xBB\xBF#file\tlabel\n\npictures/b.pgm\t7\tn01\tmore\r\npictures/a.pgm\t3\n../lists/pictures/a.pgm\n");
  const auto set = open_samples(folder / "lists/labels.tsv", {});
  ASSERT_TRUE(succeeds(set));
  EXPECT_EQ(names_of(*set), (std::vector<std::string>{"../lists/pictures/a.pgm", "pictures/a.pgm", "pictures/b.pgm"}));
  EXPECT_EQ(labels_of(*set), (std::vector<int>{-1, 3, 7}));
  const auto image = set->image(2);
  ASSERT_TRUE(succeeds(image));
  EXPECT_EQ(image->pixels[0], 20);
}

TEST(Samples, names_the_line_of_a_label_file_that_is_wrong) {
  const TempFolder folder;
  EXPECT_TRUE(
      fails_naming(open_samples(folder.write("a.tsv", "x.png\t1\nx.png\tcat\n"), {}), {"a.tsv", "line 2", "cat"}));
  EXPECT_TRUE(fails_naming(open_samples(folder.write("b.tsv", "x.png\t-1\n"), {}), {"line 1"}));
  EXPECT_TRUE(fails_naming(open_samples(folder.write("c.tsv", "\t1\n"), {}), {"line 1"}));
  EXPECT_TRUE(fails_naming(open_samples(folder.write("d.txt", "some words\n"), {}), {"d.txt", "some words"}));
  EXPECT_TRUE(fails_naming(open_samples(folder.write("e.txt", "# nothing\n"), {}), {"e.txt", "no samples"}));
  EXPECT_TRUE(fails_naming(open_samples(folder.write("f.bin", std::string("a\0b", 3)), {}), {"f.bin", "no text"}));
}

TEST(Samples, sets_labels_from_a_file_beside_a_folder) {
  const TempFolder folder;
  for (const char* name : {"photos/a.pgm", "photos/b.pgm", "photos/sub/c.pgm", "photos/d.pgm"})
    add_picture(folder, name, 1);
  auto set = open_samples(folder / "photos", {});
  ASSERT_TRUE(succeeds(set));
  ASSERT_TRUE(succeeds(
      set->set_labels(folder.write("labels.tsv", "photos/b.pgm\t5\nelsewhere/c.pgm\t6\nq/d.pgm\t1\nr/d.pgm\t2\n"))));
  // b by its path, c by its name; d is named twice with different labels.
  EXPECT_EQ(names_of(*set), (std::vector<std::string>{"a.pgm", "b.pgm", "d.pgm", "sub/c.pgm"}));
  EXPECT_EQ(labels_of(*set), (std::vector<int>{-1, 5, -1, 6}));
  EXPECT_TRUE(fails_naming(set->set_labels(folder.write("other.tsv", "z.pgm\t5\n")), {"other.tsv", "none"}));
}

TEST(Samples, reads_mnist_files_with_labels) {
  const TempFolder folder;
  folder.write("images-idx3-ubyte", idx_images(3, 2, "abcdefghijkl"));
  folder.write("labels-idx1-ubyte", idx_labels(std::string("\7\1\3", 3)));
  for (const std::string& path : {folder.path(), folder / "images-idx3-ubyte"}) {
    const auto set = open_samples(path, {.skip = 1, .count = 5, .input_names = {}});
    ASSERT_TRUE(succeeds(set));
    ASSERT_EQ(set->size(), 2u);
    EXPECT_EQ(labels_of(*set), (std::vector<int>{1, 3}));
    const auto image = set->image(1);
    ASSERT_TRUE(succeeds(image));
    EXPECT_EQ(image->channels, 1);
    EXPECT_EQ(std::string(image->pixels.begin(), image->pixels.end()), "ijkl");
  }
}

TEST(Samples, refuses_damaged_mnist_files) {
  const TempFolder folder;
  folder.write("t10k-images-idx3-ubyte", idx_images(3, 2, "abcdefghijk"));
  EXPECT_TRUE(fails_naming(open_samples(folder.path(), {}), {"t10k-images-idx3-ubyte", "length"}));
  folder.write("t10k-images-idx3-ubyte", idx_images(3, 2, "abcdefghijkl"));
  folder.write("t10k-labels-idx1-ubyte", idx_labels("ab"));
  EXPECT_TRUE(fails_naming(open_samples(folder.path(), {}), {"2 labels", "3 images"}));
  folder.write("t10k-labels-idx1-ubyte", idx_labels("abc") + "d");
  EXPECT_TRUE(fails_naming(open_samples(folder.path(), {}), {"labels"}));
  folder.write("t10k-images-idx3-ubyte", idx_images(1, 0, ""));
  EXPECT_TRUE(fails_naming(open_samples(folder.path(), {}), {"size"}));
}

TEST(Samples, takes_every_npy_file_of_a_folder_as_a_sample) {
  const TempFolder folder;
  add_array(folder, "2.npy", 2);
  add_array(folder, "1.npy", 1);
  const auto set = open_samples(folder.path(), {.input_names = {"x"}});
  ASSERT_TRUE(succeeds(set));
  ASSERT_EQ(names_of(*set), (std::vector<std::string>{"1.npy", "2.npy"}));
  EXPECT_EQ(set->kind(0), SampleSet::Kind::arrays);
  const auto arrays = set->arrays(1);
  ASSERT_TRUE(succeeds(arrays));
  ASSERT_EQ(arrays->size(), 1u);
  EXPECT_EQ(arrays->at(0).name, "");
  EXPECT_EQ(only_value(arrays->at(0)), 2);
  EXPECT_FALSE(set->image(0));
}

TEST(Samples, takes_a_folder_with_every_input_as_one_sample) {
  const TempFolder folder;
  for (const float sample : {1.0f, 2.0f}) {
    const std::string name = sample == 1.0f ? "s1" : "s2";
    add_array(folder, name + "/x_0.npy", sample);
    add_array(folder, name + "/state.npy", 10 * sample);
    add_array(folder, name + "/expected.npy", 0);
  }
  const auto set = open_samples(folder.path(), {.input_names = {"x:0", "state"}});
  ASSERT_TRUE(succeeds(set));
  ASSERT_EQ(names_of(*set), (std::vector<std::string>{"s1", "s2"}));
  const auto arrays = set->arrays(1);
  ASSERT_TRUE(succeeds(arrays));
  ASSERT_EQ(arrays->size(), 2u) << "only the network's inputs";
  EXPECT_EQ(arrays->at(0).name, "state");
  EXPECT_EQ(only_value(arrays->at(0)), 20);
  EXPECT_EQ(arrays->at(1).name, "x_0");
  EXPECT_TRUE(fails_naming(open_samples(folder.path(), {.input_names = {"x:0", "mask"}}), {"mask.npy", "s1"}));
  // Without the names a sub-folder is a sample with all that lies in it.
  const auto unnamed = open_samples(folder.path(), {});
  ASSERT_TRUE(succeeds(unnamed));
  EXPECT_EQ(unnamed->arrays(0)->size(), 3u);
}

TEST(Samples, says_what_was_looked_for_where_nothing_is_found) {
  const TempFolder folder;
  folder.write("readme.txt", "no sample");
  EXPECT_TRUE(fails_naming(open_samples(folder.path(), {}), {folder.path(), ".jpg", ".npy", "idx3"}));
  EXPECT_TRUE(fails_naming(open_samples(folder.path(), {.skip = 5, .count = 1, .input_names = {}}), {".jpg"}));
  EXPECT_TRUE(fails_naming(open_samples(folder / "absent", {}), {"absent", "no such file"}));
  add_picture(folder, "a.pgm", 1);
  add_array(folder, "a.npy", 1);
  EXPECT_TRUE(fails_naming(open_samples(folder.path(), {}), {"pictures (1)", ".npy files (1)"}));
}

TEST(Samples, takes_a_single_file_and_survives_links_in_a_circle) {
  const TempFolder folder;
  add_picture(folder, "in/a.pgm", 1);
  std::filesystem::create_directory_symlink(folder.path(), folder / "in/again");
  const auto set = open_samples(folder.path(), {});
  ASSERT_TRUE(succeeds(set));
  EXPECT_EQ(set->size(), 1u);
  const auto one = open_samples(folder / "in/a.pgm", {});
  ASSERT_TRUE(succeeds(one));
  EXPECT_EQ(names_of(*one), std::vector<std::string>{"a.pgm"});
}

TEST(Samples, decodes_nothing_until_asked) {
  const TempFolder folder;
  folder.write("broken.png", "not a picture at all");
  const auto set = open_samples(folder.path(), {});
  ASSERT_TRUE(succeeds(set));
  EXPECT_TRUE(fails_naming(set->image(0), {"broken.png"}));
}

}  // namespace
}  // namespace nibble::media::test

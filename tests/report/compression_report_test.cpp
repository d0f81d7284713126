// The report as JSON and as a page.
#include "converter/report/compression_report.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace nibble::report {
namespace {

CompressionReport sample() {
  CompressionReport r;
  r.version = "1.0";
  r.model = "net <&\"'>.onnx";
  r.output = "net.nbl";
  r.asked = "weights int4, activations int8";
  r.file_bytes_before = 4000000, r.file_bytes_after = 1000000;
  r.weight_bytes_before = 3900000, r.weight_bytes_after = 990000;
  r.macs_before = 2000000, r.macs_after = 1500000;
  r.samples = 100, r.judged = 16, r.held_out = true;
  r.verdict = "fine", r.verdict_text = "it agrees on 15 of 16";
  r.agreement = Share{15, 16};
  r.agreement_interval = wilson_interval(15, 16);
  r.sqnr_db = 21.5;
  for (int i = 0; i < 4; ++i) {
    LayerFacts l;
    l.node = "<script>alert(" + std::to_string(i) + ")</script>";
    l.op = "Conv2d";
    l.weights = i == 0 ? "int8" : "int4", l.activations = "int8";
    l.reason = i == 0 ? "first layer" : "";
    l.channels_before = 16, l.channels_after = i == 2 ? 12 : 16;
    l.macs_before = 1000, l.macs_after = 800;
    l.bytes_before = 4000, l.bytes_after = 600;
    l.sqnr_db = 30.0 - i;
    l.sensitivity = 0.001 * (i + 1);
    r.layers.push_back(l);
  }
  r.layers[3].sqnr_db = std::numeric_limits<double>::quiet_NaN();
  r.frozen.push_back({"group <a>", "read by a reshape"});
  r.points = {{1000, 0.2, false}, {2000, 0.1, true}, {4000, 0.0, false}};
  r.loss_of_points = "KL, nats";
  return r;
}

size_t count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST(compression_report, json_says_everything_and_no_nan) {
  const auto json = nlohmann::json::parse(to_json(sample()));
  EXPECT_EQ(json["layers"].size(), 4u);
  EXPECT_EQ(json["layers"][0]["node"], "<script>alert(0)</script>");
  EXPECT_EQ(json["layers"][0]["reason"], "first layer");
  EXPECT_EQ(json["layers"][2]["channels"], 12);
  EXPECT_TRUE(json["layers"][3]["sqnr_db"].is_null());
  EXPECT_EQ(json["result"]["verdict"], "fine");
  EXPECT_DOUBLE_EQ(json["result"]["agreement"], 15.0 / 16);
  EXPECT_LT(json["result"]["agreement_interval"][0], 15.0 / 16);
  EXPECT_EQ(json["points"][1]["chosen"], true);
  EXPECT_EQ(json["frozen"][0]["text"], "read by a reshape");
  EXPECT_TRUE(json["time_ms"].is_null());  // not measured
}

TEST(compression_report, times_memory_and_what_they_rest_on) {
  CompressionReport r = sample();
  r.timed_on = "a <device>", r.ms_before = 8.25, r.ms_after = 4.5;
  r.memory_before = 3000000, r.memory_after = 1000000;
  r.layers[1].ms_before = 1.25, r.layers[1].ms_after = 0.5;
  const std::string page = to_html(r);
  for (const char* text :
       {"4.50 ms", "was 8.25 ms in fp32", "measured on a &lt;device&gt;", "1.250 → 0.500", "computed, was 3.00 MB"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  const auto json = nlohmann::json::parse(to_json(r));
  EXPECT_EQ(json["timed_on"], "a <device>");
  EXPECT_EQ(json["layers"][1]["ms"], 0.5);
  EXPECT_TRUE(json["layers"][0]["ms"].is_null());
  EXPECT_EQ(json["memory"], 1000000);
}

TEST(compression_report, after_pruning_the_bars_show_what_layers_add) {
  CompressionReport r = sample();
  for (LayerFacts& l : r.layers) l.added_noise = 0.01;
  r.layers[2].added_noise = 0.4;
  EXPECT_EQ(layer_chart(r).find("40 %"), std::string::npos);  // rounded alone it costs 0.3 %
  r.pruned = true;
  EXPECT_NE(layer_chart(r).find("40 %"), std::string::npos);
}

TEST(compression_report, page_stands_alone_and_escapes_every_name) {
  const std::string page = to_html(sample());
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(2)"), std::string::npos);
  EXPECT_NE(page.find("net &lt;&amp;&quot;&#39;&gt;.onnx"), std::string::npos);
  for (const char* outside : {"http://", "https://", "src=", "@import", "url("})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  EXPECT_NE(page.find("name=\"viewport\""), std::string::npos);
  EXPECT_EQ(count(page, "<svg"), 2u);  // layers, sizes
  EXPECT_EQ(count(page, "</svg>"), 2u);
  EXPECT_NE(page.find("12 of 16"), std::string::npos);
  EXPECT_NE(page.find("group &lt;a&gt;"), std::string::npos);
  EXPECT_NE(page.find("4.00 times smaller"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
}

TEST(compression_report, the_layer_that_costs_most_is_the_tallest_and_is_named) {
  CompressionReport r = sample();
  for (LayerFacts& l : r.layers) l.node = "layer";
  r.layers[1].node = "culprit";
  r.layers[1].sensitivity = 0.5;
  const std::string chart = layer_chart(r);
  EXPECT_NE(chart.find(">culprit 50 %<"), std::string::npos) << chart;
  EXPECT_NE(chart.find("height=\"190.0\" class=\"w4\""), std::string::npos) << chart;  // 0.5 is the scale's top
}

TEST(compression_report, says_when_nothing_was_judged_or_nothing_is_there) {
  const CompressionReport empty;
  EXPECT_NE(to_html(empty).find("not judged"), std::string::npos);
  EXPECT_EQ(layer_chart(empty), "");
  EXPECT_EQ(pareto_chart(empty), "");
  EXPECT_TRUE(nlohmann::json::parse(to_json(empty))["result"]["verdict"].is_null());
  CompressionReport silent = sample();  // layers of which nothing is known
  for (LayerFacts& l : silent.layers) l.sqnr_db = l.sensitivity = std::nullopt;
  EXPECT_EQ(layer_chart(silent).find("nan"), std::string::npos);
}

TEST(compression_report, escapes_what_is_not_text) {
  EXPECT_EQ(escaped("a\x01\xff<b>\xc3\xa9\xc3"), "a \xef\xbf\xbd&lt;b&gt;\xc3\xa9\xef\xbf\xbd");
}

}  // namespace
}  // namespace nibble::report

#include "converter/shapes/networks.h"

namespace nibble::shapes {
namespace {

constexpr Network kNetworks[] = {
    {"squeezenet", "network", "Iandola et al., SqueezeNet, 2016 (version 1.1)", 0.35, R"(
input c3 s224
conv c64 k3 s2 p0 relu
max k3 ceil
fire c16 e64 n2
max k3 ceil
fire c32 e128 n2
max k3 ceil
fire c48 e192 n2
fire c64 e256 n2
conv c1000 relu fixed
mean)"},

    {"mobilenet_v1", "network", "Howard et al., MobileNets, 2017", 0.569, R"(
input c3 s224
conv c32 k3 s2 relu
separable c64 relu
separable c128 s2 relu
separable c128 relu
separable c256 s2 relu
separable c256 relu
separable c512 s2 relu
separable c512 n5 relu
separable c1024 s2 relu
separable c1024 relu
mean
linear c1000 fixed)"},

    {"mobilenet_v2", "network", "Sandler et al., MobileNetV2, 2018", 0.300, R"(
input c3 s224
conv c32 k3 s2 relu6
inverted t1 c16 relu6
inverted t6 c24 n2 s2 relu6
inverted t6 c32 n3 s2 relu6
inverted t6 c64 n4 s2 relu6
inverted t6 c96 n3 relu6
inverted t6 c160 n3 s2 relu6
inverted t6 c320 relu6
conv c1280 relu6
mean
linear c1000 fixed)"},

    {"mobilenet_v3", "network", "Howard et al., Searching for MobileNetV3, 2019 (large)", 0.219, R"(
input c3 s224
conv c16 k3 s2 hswish
inverted e16 c16 relu
inverted e64 c24 s2 relu
inverted e72 c24 relu
inverted k5 e72 c40 s2 se relu
inverted k5 e120 c40 n2 se relu
inverted e240 c80 s2 hswish
inverted e200 c80 hswish
inverted e184 c80 n2 hswish
inverted e480 c112 se hswish
inverted e672 c112 se hswish
inverted k5 e672 c160 s2 se hswish
inverted k5 e960 c160 n2 se hswish
conv c960 hswish
mean
linear c1280 hswish
linear c1000 fixed)"},

    {"resnet18", "network", "He et al., Deep Residual Learning, 2016", 1.82, R"(
input c3 s224
conv c64 k7 s2 relu
max k3 p1
basic c64 n2
basic c128 n2 s2
basic c256 n2 s2
basic c512 n2 s2
mean
linear c1000 fixed)"},

    {"resnet50", "network", "He et al., 2016; strides on the 3x3 layers, as in torchvision", 4.1, R"(
input c3 s224
conv c64 k7 s2 relu
max k3 p1
bottleneck c64 n3
bottleneck c128 n4 s2
bottleneck c256 n6 s2
bottleneck c512 n3 s2
mean
linear c1000 fixed)"},

    {"shufflenet_v2", "network", "Ma et al., ShuffleNet V2, 2018 (1.0x)", 0.146, R"(
input c3 s224
conv c24 k3 s2 relu
max k3 p1
shuffle c116 n4 s2 relu
shuffle c232 n8 s2 relu
shuffle c464 n4 s2 relu
conv c1024 relu
mean
linear c1000 fixed)"},

    {"nanodet_m", "network", "NanoDet-m, RangiLyu, 2020: ShuffleNetV2, path aggregation of 96 channels, 80 classes",
     0.36, R"(
input c3 s320
conv c24 k3 s2 leaky
max k3 p1
shuffle c116 n4 s2 leaky >b3
shuffle c232 n8 s2 leaky >b4
shuffle c464 n4 s2 leaky >b5
conv c96 <b3 >l3
conv c96 <b4 >l4
conv c96 <b5 >l5
resize <l5 <l4 >u4
add <l4 <u4 >t4
resize <t4 <l3 >u3
add <l3 <u3 >p3
resize <p3 <t4 >d4
add <t4 <d4 >p4
resize <p4 <l5 >d5
add <l5 <d5 >p5
separable c96 n2 leaky <p3
conv c112 fixed
tokens
output
separable c96 n2 leaky <p4
conv c112 fixed
tokens
output
separable c96 n2 leaky <p5
conv c112 fixed
tokens
output)"},

    {"yolox_nano", "network", "Ge et al., YOLOX, 2021 (nano), 80 classes", 0.54, R"(
input c3 s416
focus
conv c16 k3 silu
separable c32 s2 silu
csp c32 silu
separable c64 s2 silu
csp c64 n3 silu >b3
separable c128 s2 silu
csp c128 n3 silu >b4
separable c256 s2 silu
pyramid c256 silu
csp c256 plain silu
conv c128 silu >l5
resize <l5 <b4 nearest >u4
concat <u4 <b4
csp c128 plain silu
conv c64 silu >l4
resize <l4 <b3 nearest >u3
concat <u3 <b3
csp c64 plain silu >p3
separable c64 s2 silu >d4
concat <d4 <l4
csp c128 plain silu >p4
separable c128 s2 silu >d5
concat <d5 <l5
csp c256 plain silu >p5

conv c64 silu <p3 >h3
separable c64 n2 silu >r3
conv c4 fixed >box3
conv c1 sigmoid fixed <r3 >object3
separable c64 n2 silu <h3
conv c80 sigmoid fixed >class3
concat <box3 <object3 <class3
tokens
output
conv c64 silu <p4 >h4
separable c64 n2 silu >r4
conv c4 fixed >box4
conv c1 sigmoid fixed <r4 >object4
separable c64 n2 silu <h4
conv c80 sigmoid fixed >class4
concat <box4 <object4 <class4
tokens
output
conv c64 silu <p5 >h5
separable c64 n2 silu >r5
conv c4 fixed >box5
conv c1 sigmoid fixed <r5 >object5
separable c64 n2 silu <h5
conv c80 sigmoid fixed >class5
concat <box5 <object5 <class5
tokens
output)"},

    {"vit_tiny", "network", "Touvron et al., DeiT, 2021 (tiny: width 192, 12 blocks)", 1.26, R"(
input c3 s224
conv c192 k16 s16 p0
tokens
positions class
transformer a64 n12
norm
first
linear c1000 fixed)"},

    {"vit_small", "network", "Touvron et al., DeiT, 2021 (small: width 384, 12 blocks)", 4.6, R"(
input c3 s224
conv c384 k16 s16 p0
tokens
positions class
transformer a64 n12
norm
first
linear c1000 fixed)"},

    {"llama_small", "network", "llama2.c's 42M shape: one block of width 512, one token, 128 before it", 0.0033, R"(
input d512 t1 scaled
llama a64 f1376 p128)"},

    {"llama_7b", "network", "Touvron et al., LLaMA, 2023: one block of the 7B, one token, 128 before it", 0.2034, R"(
input d4096 t1 scaled
llama a128 f11008 p128)"},

    // Single layers. Products are named by rows x inputs x outputs, convolutions by kernel_channels_size.
    {"gemm_512x512x512", "layer", "", 0.134, "input d512 t512 scaled\nlinear c512"},
    {"gemm_64x512x1024", "layer", "", 0.0336, "input d512 t64 scaled\nlinear c1024"},
    {"gemm_128x768x3072", "layer", "", 0.302, "input d768 t128 scaled\nlinear c3072"},
    {"gemv_4096x4096", "layer", "LLaMA 7B, attention", 0.0168, "input d4096 t1 scaled\nlinear c4096 unbiased"},
    {"gemv_4096x11008", "layer", "LLaMA 7B, hidden layer", 0.0451, "input d4096 t1 scaled\nlinear c11008 unbiased"},
    {"gemv_11008x4096", "layer", "LLaMA 7B, hidden layer", 0.0451, "input d11008 t1 scaled\nlinear c4096 unbiased"},
    {"first_7x7_3_224", "layer", "ResNet18", 0.118, "input c3 s224\nconv c64 k7 s2 relu"},
    {"first_3x3_3_224", "layer", "MobileNetV1", 0.0108, "input c3 s224\nconv c32 k3 s2 relu"},
    {"conv3x3_64_56", "layer", "ResNet18", 0.1156, "input c64 s56 scaled\nconv c64 k3 relu"},
    {"conv3x3_128_28", "layer", "ResNet18", 0.1156, "input c128 s28 scaled\nconv c128 k3 relu"},
    {"conv3x3_256_14", "layer", "ResNet18", 0.1156, "input c256 s14 scaled\nconv c256 k3 relu"},
    {"conv3x3_512_7", "layer", "ResNet18", 0.1156, "input c512 s7 scaled\nconv c512 k3 relu"},
    {"conv3x3_64_56_strided", "layer", "ResNet18", 0.0578, "input c64 s56 scaled\nconv c128 k3 s2 relu"},
    {"conv3x3_256_14_strided", "layer", "ResNet18", 0.0578, "input c256 s14 scaled\nconv c512 k3 s2 relu"},
    {"conv1x1_64_56_strided", "layer", "ResNet18", 0.0064, "input c64 s56 scaled\nconv c128 k1 s2"},
    {"conv1x1_32_112", "layer", "MobileNetV1", 0.0257, "input c32 s112 scaled\nconv c64 relu"},
    {"conv1x1_64_56", "layer", "MobileNetV1", 0.0257, "input c64 s56 scaled\nconv c128 relu"},
    {"conv1x1_128_56", "layer", "MobileNetV1", 0.0514, "input c128 s56 scaled\nconv c128 relu"},
    {"conv1x1_256_28", "layer", "MobileNetV1", 0.0514, "input c256 s28 scaled\nconv c256 relu"},
    {"conv1x1_512_14", "layer", "MobileNetV1", 0.0514, "input c512 s14 scaled\nconv c512 relu"},
    {"conv1x1_1024_7", "layer", "MobileNetV1", 0.0514, "input c1024 s7 scaled\nconv c1024 relu"},
    {"depthwise_32_112", "layer", "MobileNetV1", 0.0036, "input c32 s112 scaled\ndepthwise relu"},
    {"depthwise_128_56", "layer", "MobileNetV1", 0.0036, "input c128 s56 scaled\ndepthwise relu"},
    {"depthwise_512_14", "layer", "MobileNetV1", 0.0009, "input c512 s14 scaled\ndepthwise relu"},
    {"depthwise_64_112_strided", "layer", "MobileNetV1", 0.0018, "input c64 s112 scaled\ndepthwise s2 relu"},
    {"depthwise_512_14_strided", "layer", "MobileNetV1", 0.00023, "input c512 s14 scaled\ndepthwise s2 relu"},
};

}  // namespace

std::span<const Network> networks() { return kNetworks; }

const Network* find_network(std::string_view name) {
  for (const Network& network : kNetworks) {
    if (name == network.name) return &network;
  }
  return nullptr;
}

}  // namespace nibble::shapes

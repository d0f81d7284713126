#!/usr/bin/python3
"""Makes the glyph classifier: its data, the training, the ONNX file and the figures in README.md.

    nice python3 samples/models/train_classifier.py            # about five minutes on two cores
    python3 samples/models/train_classifier.py --measure       # only measures the files that are there

Needs Debian's python3-torch, python3-onnx, python3-numpy, python3-pil and fonts-dejavu-core.

The task: which of 50 lower-case letters is in the middle of a 24 x 24 gray picture; five vowels, each bare or with one
of nine accents. An accent is some five pixels wide, and a caron differs from a breve by a pixel or two, so the classes
lie close together and small errors in the weights turn answers. Letters come from six DejaVu fonts and go through a
random affine map, neighbours, stray lines, uneven light, blur and noise, in both polarities. Training pictures are
drawn as they are needed and never repeat; the held-out and the calibration set come from generators of their own.
"""

import argparse
import json
import math
import os
import time
import unicodedata

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import nn

import network_file

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "data", "glyphs")
FONT_DIR = "/usr/share/fonts/truetype/dejavu"
FONTS = ["DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSerif", "DejaVuSerif-Bold"]

VOWELS = "aeiou"
ACCENTS = [("", ""), ("\u0300", "grave"), ("\u0301", "acute"), ("\u0302", "circumflex"), ("\u0303", "tilde"),
           ("\u0308", "diaeresis"), ("\u0304", "macron"), ("\u030c", "caron"),
           ("\u0306", "breve"), ("\u0311", "inverted breve")]
CLASSES = [(vowel, accent, (vowel + " " + name).strip()) for vowel in VOWELS for accent, name in ACCENTS]

SIZE = 24           # pixels of a sample's side
MASK_SIZE = 72      # pixels of a drawn letter's side, before the affine map
NOISE = 0.07        # the noisiest sample's standard deviation, of a range of 1; sets how hard the task is
HELD_OUT_PER_CLASS = 41
CALIBRATION_PER_CLASS = 4
SEEDS = {"training": 1, "held-out": 2, "calibration": 3, "channels": 4}

BATCH = 128
STEPS = 2500
LEARNING_RATE = 0.1
CHANNEL_SPREAD = 0.5

# value = (pixel / 255 - MEAN) / STD
MEAN, STD = 0.5, 0.25


# ---- data ------------------------------------------------------------------------------------------------------------

def letter_masks():
    """Every letter of every font as coverage in 0..1, [class, font, MASK_SIZE, MASK_SIZE]."""
    masks = np.zeros((len(CLASSES), len(FONTS), MASK_SIZE, MASK_SIZE), np.float32)
    for f, font_name in enumerate(FONTS):
        font = ImageFont.truetype(os.path.join(FONT_DIR, font_name + ".ttf"), 50)
        for c, (vowel, accent, _) in enumerate(CLASSES):
            text = unicodedata.normalize("NFC", vowel + accent)  # one code point: the font's own placement
            picture = Image.new("L", (MASK_SIZE, MASK_SIZE))
            # Bodies share one base line, so that a missing accent leaves the space above the letter empty.
            ImageDraw.Draw(picture).text((MASK_SIZE / 2, 57), text, fill=255, font=font, anchor="ms")
            masks[c, f] = np.asarray(picture, np.float32) / 255.0
    return torch.from_numpy(masks)


class GlyphSource:
    """Draws labelled samples: uint8 [n, SIZE, SIZE]. One generator decides everything, so a seed gives one sequence."""

    def __init__(self, masks, seed):
        self.masks = masks
        self.random = torch.Generator().manual_seed(seed)

    def uniform(self, n, low, high):
        return torch.rand(n, generator=self.random) * (high - low) + low

    def labels(self, n):
        return torch.randint(len(CLASSES), (n,), generator=self.random)

    def draw(self, labels):
        n = len(labels)
        ink = self._placed(labels, self.uniform(n, -0.09, 0.09), self.uniform(n, -0.07, 0.07))
        for side in (-1, 1):  # a neighbour half the time, on either side, cut by the picture's edge
            where = torch.nonzero(self.uniform(n, 0, 1) < 0.5).flatten()
            k = len(where)
            neighbour = self._placed(self.labels(k), side * self.uniform(k, 0.62, 0.8), self.uniform(k, -0.1, 0.1))
            ink[where] = torch.maximum(ink[where], neighbour)
        ink = torch.maximum(ink, self._stray_line(n))
        ink = F.avg_pool2d(ink, 2)  # drawn at twice the size against aliasing
        return self._photographed(ink)

    def _placed(self, labels, shift_x, shift_y):
        """Letters through a random affine map, at twice the final size: [n, 1, 2 SIZE, 2 SIZE]."""
        n = len(labels)
        fonts = torch.randint(len(FONTS), (n,), generator=self.random)
        angle = self.uniform(n, -0.22, 0.22)
        shear = self.uniform(n, -0.25, 0.25)
        scale_x = self.uniform(n, 0.7, 1.05)  # above 1 the letter shrinks: the map runs from picture to mask
        scale_y = self.uniform(n, 0.8, 1.05)
        cos, sin = torch.cos(angle), torch.sin(angle)
        row_x = torch.stack([scale_x * cos, scale_x * (shear * cos - sin), -2 * shift_x], 1)
        row_y = torch.stack([scale_y * sin, scale_y * (shear * sin + cos), -2 * shift_y], 1)
        grid = F.affine_grid(torch.stack([row_x, row_y], 1), (n, 1, 2 * SIZE, 2 * SIZE), align_corners=False)
        return F.grid_sample(self.masks[labels, fonts].unsqueeze(1), grid, align_corners=False)

    def _stray_line(self, n):
        """A thin straight stroke across a third of the pictures."""
        side = 2 * SIZE
        y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
        angle = self.uniform(n, 0, math.pi).view(n, 1, 1)
        offset = self.uniform(n, -0.45, 0.45).view(n, 1, 1) * side
        distance = ((x - side / 2) * torch.cos(angle) + (y - side / 2) * torch.sin(angle) - offset).abs()
        width = self.uniform(n, 0.5, 1.2).view(n, 1, 1)
        strength = (self.uniform(n, 0, 1) < 0.33).float() * self.uniform(n, 0.4, 1.0)
        return (strength.view(n, 1, 1) * (width + 0.5 - distance).clamp(0, 1)).unsqueeze(1)

    def _photographed(self, ink):
        """Coverage to gray values: two tones, uneven light, blur, noise, 8 bits."""
        n = len(ink)
        contrast = self.uniform(n, 0.35, 0.8)
        dark = self.uniform(n, 0.0, 1.0) * (1 - contrast)
        light_ink = (self.uniform(n, 0, 1) < 0.5).float()
        paper = dark + (1 - light_ink) * contrast
        step = (2 * light_ink - 1) * contrast
        picture = paper.view(n, 1, 1, 1) + step.view(n, 1, 1, 1) * ink
        ramp = torch.linspace(-1, 1, SIZE)
        picture = picture + self.uniform(n, -0.12, 0.12).view(n, 1, 1, 1) * ramp.view(1, 1, 1, SIZE)
        picture = picture + self.uniform(n, -0.12, 0.12).view(n, 1, 1, 1) * ramp.view(1, 1, SIZE, 1)

        sigma = self.uniform(n, 0.3, 0.8).view(n, 1)
        kernel = torch.exp(-torch.arange(-2.0, 3.0).view(1, 5) ** 2 / (2 * sigma ** 2))
        kernel = kernel / kernel.sum(1, keepdim=True)
        padded = F.pad(picture, (2, 2, 2, 2), mode="replicate").view(1, n, SIZE + 4, SIZE + 4)
        blurred = F.conv2d(padded, kernel.view(n, 1, 1, 5), groups=n)
        blurred = F.conv2d(blurred, kernel.view(n, 1, 5, 1), groups=n).view(n, SIZE, SIZE)

        noise = torch.randn(n, SIZE, SIZE, generator=self.random) * self.uniform(n, 0.01, NOISE).view(n, 1, 1)
        return ((blurred + noise).clamp(0, 1) * 255).round().to(torch.uint8)


def to_input(pixels):
    """uint8 [n, SIZE, SIZE] to the network's input [n, 1, SIZE, SIZE]."""
    return (pixels.unsqueeze(1).float() / 255.0 - MEAN) / STD


def write_idx(path, array):
    """MNIST's format: two zero bytes, 8 (unsigned bytes), the number of dimensions, the dimensions big-endian, data."""
    with open(path, "wb") as file:
        file.write(bytes([0, 0, 8, array.ndim]))
        file.write(np.array(array.shape, ">u4").tobytes())
        file.write(np.ascontiguousarray(array, np.uint8).tobytes())


def read_idx(path):
    with open(path, "rb") as file:
        head = file.read(4)
        shape = np.frombuffer(file.read(4 * head[3]), ">u4")
        return np.frombuffer(file.read(), np.uint8).reshape(shape)


def write_data(masks):
    """The held-out pictures with labels, and the calibration pictures, in shuffled order with equal classes."""
    os.makedirs(DATA, exist_ok=True)
    for name, per_class in (("held-out", HELD_OUT_PER_CLASS), ("calibration", CALIBRATION_PER_CLASS)):
        source = GlyphSource(masks, SEEDS[name])
        labels = torch.arange(len(CLASSES)).repeat(per_class)
        labels = labels[torch.randperm(len(labels), generator=source.random)]
        pixels = source.draw(labels)
        write_idx(os.path.join(DATA, name + "-images-idx3-ubyte"), pixels.numpy())
        if name == "held-out":
            write_idx(os.path.join(DATA, name + "-labels-idx1-ubyte"), labels.numpy())


def read_held_out():
    pixels = read_idx(os.path.join(DATA, "held-out-images-idx3-ubyte"))
    labels = read_idx(os.path.join(DATA, "held-out-labels-idx1-ubyte"))
    return to_input(torch.from_numpy(pixels.copy())), torch.from_numpy(labels.copy()).long()


# ---- network ---------------------------------------------------------------------------------------------------------

class Branches(nn.Module):
    """relu(bn(conv3x3(x)) + bn(conv1x1(x)) + bn(x)), the last where shapes agree; one 3 x 3 convolution afterwards.

    Trained with three branches, then merged, as RepVGG does (Ding et al., 2021): the merged kernel does the same sum.
    Its middle taps come out many times larger than its other taps, and a plain chain of such layers hands every error
    on: networks of this kind are known to be hard to round.
    """

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv3 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 1, stride, 0, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.norm0 = nn.BatchNorm2d(inputs) if inputs == outputs and stride == 1 else None

    def forward(self, x):
        y = self.norm3(self.conv3(x)) + self.norm1(self.conv1(x))
        return F.relu(y if self.norm0 is None else y + self.norm0(x))

    def merged(self):
        """The same layer, in its inference form and without the relu, as one convolution with bias."""
        outputs, inputs = self.conv3.weight.shape[:2]
        kernels = [(self.conv3.weight, self.norm3), (F.pad(self.conv1.weight, (1, 1, 1, 1)), self.norm1)]
        if self.norm0 is not None:
            identity = torch.zeros(outputs, inputs, 3, 3)
            identity[range(outputs), range(inputs), 1, 1] = 1.0
            kernels.append((identity, self.norm0))
        merged = nn.Conv2d(inputs, outputs, 3, self.conv3.stride, 1)
        with torch.no_grad():
            merged.weight.zero_()
            merged.bias.zero_()
            for kernel, norm in kernels:
                factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
                merged.weight += kernel * factor.view(-1, 1, 1, 1)
                merged.bias += norm.bias - norm.running_mean * factor
        return merged


class Residual(nn.Module):
    """relu(bn(conv(relu(bn(conv(x))))) + x), the ordinary residual block, its batch normalization kept in the file."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))) + x)


class Classifier(nn.Module):
    """24 x 24 gray to 50 logits.

    A stem and a max pool; a residual block of 24 channels at 12 x 12; then a chain of plain layers, 24 channels at
    12 x 12, 48 at 6 x 6 and 72 at 3 x 3; the mean and one Gemm. 17 convolutions in a row.
    """

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 24, 3, 1, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(24)
        self.residual = Residual(24)
        self.plain = nn.ModuleList([Branches(24, 24, 1) for _ in range(6)] +
                                   [Branches(24, 48, 2)] + [Branches(48, 48, 1) for _ in range(5)] +
                                   [Branches(48, 72, 2), Branches(72, 72, 1)])
        self.head = nn.Linear(72, len(CLASSES))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem_norm(self.stem(x))), 2)
        x = self.residual(x)
        for layer in self.plain:
            x = layer(x)
        return self.head(x.mean((2, 3)))


def train(masks, steps):
    torch.manual_seed(SEEDS["training"])
    network = Classifier().to(memory_format=torch.channels_last)  # a good half of the time of the default layout
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE, momentum=0.9, nesterov=True, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1)
    source = GlyphSource(masks, SEEDS["training"])
    start, correct = time.time(), 0
    for step in range(1, steps + 1):
        labels = source.labels(BATCH)
        logits = network(to_input(source.draw(labels)))
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        correct += (logits.argmax(1) == labels).sum().item()
        if step % 500 == 0:
            print(f"step {step}/{steps}: training accuracy {correct / (500 * BATCH):.4f}, {time.time() - start:.0f} s",
                  flush=True)
            correct = 0
    return network.eval().to(memory_format=torch.contiguous_format)


def with_uneven_channels(layers):
    """The same chain of Conv + Relu with every channel between two of them scaled up in the first, down in the second.

    Relu passes a positive factor on, so the function stays what it was. Trained networks often have channels of very
    different ranges (those with depthwise layers most of all) and a small clean network like this one has not; the
    factors, spread by CHANNEL_SPREAD in the natural logarithm, put that in, so that ways of rounding can be told apart.
    """
    random = torch.Generator().manual_seed(SEEDS["channels"])
    with torch.no_grad():
        for first, second in zip(layers, layers[1:]):
            factor = torch.exp(CHANNEL_SPREAD * torch.randn(first.out_channels, generator=random).clamp(-2, 2))
            first.weight *= factor.view(-1, 1, 1, 1)
            first.bias *= factor
            second.weight /= factor.view(1, -1, 1, 1)
    return layers


def export(network, path):
    """Writes the trained module as ONNX; the stem and the residual block keep their batch normalization."""
    net = network_file.Network("glyph_classifier", "image", ["N", 1, SIZE, SIZE])

    def conv_norm(name, x, conv, norm):
        return net.batch_norm(name + ".norm", net.conv(name + ".conv", x, conv), norm)

    x = net.node("Relu", "stem.relu", [conv_norm("stem", "image", network.stem, network.stem_norm)])
    x = net.node("MaxPool", "stem.pool", [x], kernel_shape=[2, 2], strides=[2, 2])
    block = network.residual
    y = net.node("Relu", "residual.relu1", [conv_norm("residual.1", x, block.conv1, block.norm1)])
    y = conv_norm("residual.2", y, block.conv2, block.norm2)
    x = net.node("Relu", "residual.relu2", [net.node("Add", "residual.add", [y, x])])
    for index, layer in enumerate(with_uneven_channels([layer.merged() for layer in network.plain])):
        name = f"plain{index + 1}"
        x = net.node("Relu", name + ".relu", [net.conv(name + ".conv", x, layer)])
    x = net.node("GlobalAveragePool", "mean", [x])
    x = net.node("Flatten", "flatten", [x], axis=1)
    head = [net.weight("head.weight", network.head.weight), net.weight("head.bias", network.head.bias)]
    net.node("Gemm", "head", [x] + head, output="logits", alpha=1.0, beta=1.0, transB=1)
    return net.save(path, "logits", ["N", len(CLASSES)])


# ---- what goes with it -----------------------------------------------------------------------------------------------

def write_texts():
    with open(os.path.join(HERE, "classifier.classes.txt"), "w") as file:
        file.write("".join(name + "\n" for _, _, name in CLASSES))
    with open(os.path.join(HERE, "classifier.preprocess.json"), "w") as file:
        json.dump({"resize": [SIZE, SIZE], "color": "gray", "layout": "nchw", "mean": [MEAN], "std": [STD]}, file,
                  indent=2)
        file.write("\n")


def write_reference(network):
    """The first four held-out pictures and the trained module's answer to them, beside the ONNX file's."""
    x = read_held_out()[0][:4]
    with torch.no_grad():
        y = network(x)
    os.makedirs(os.path.join(HERE, "ref"), exist_ok=True)
    np.save(os.path.join(HERE, "ref", "classifier.in0.npy"), x.numpy())
    np.save(os.path.join(HERE, "ref", "classifier.out0.npy"), y.numpy())


def write_one_picture():
    """A held-out sample as PNG, to be looked at and to be given to the tools as a picture."""
    pixels = read_idx(os.path.join(DATA, "held-out-images-idx3-ubyte"))
    Image.fromarray(pixels[0]).save(os.path.join(DATA, "sample.png"))


def measure(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    x, labels = read_held_out()
    x, labels = x.numpy(), labels.numpy()
    logits = network_file.evaluate(model, x)
    answers = logits.argmax(1)
    count = sum(w.size for w in network_file.weights_of(model).values())
    recorded_in, recorded_out = (np.load(os.path.join(HERE, "ref", f"classifier.{s}.npy")) for s in ("in0", "out0"))
    difference = np.abs(network_file.evaluate(model, recorded_in) - recorded_out).max()
    print(f"{os.path.getsize(path)} bytes, {count} weights; recorded output reproduced to {difference:.2e} "
          f"of {np.abs(recorded_out).max():.1f}")
    print(f"fp32: accuracy {100 * (answers == labels).mean():.2f} % of {len(labels)}")
    calibration = read_idx(os.path.join(DATA, "calibration-images-idx3-ubyte"))
    calibration = to_input(torch.from_numpy(calibration.copy())).numpy()
    for title, bits, first in (("int8", 8, None), ("int4, first layer int8", 4, 8), ("int4", 4, None)):
        rounded = network_file.with_rounded_weights(model, bits, first)
        report(title + " weights", logits, network_file.evaluate(model, x, rounded), labels)
        step = network_file.with_rounded_activations(model, calibration, rounded)
        report(title + " weights, int8 activations", logits, network_file.evaluate(model, x, rounded, step), labels)


def report(title, logits, other, labels):
    error = 10 * np.log10((logits ** 2).sum() / ((other - logits) ** 2).sum())
    print(f"{title}: accuracy {100 * (other.argmax(1) == labels).mean():.2f} %, agreement with fp32 "
          f"{100 * (other.argmax(1) == logits.argmax(1)).mean():.2f} %, SQNR of the logits {error:.1f} dB")


def main():
    parser = argparse.ArgumentParser(description="Makes or measures the glyph classifier.")
    parser.add_argument("--measure", action="store_true", help="measure the files that are there, train nothing")
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps of %d samples" % BATCH)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads; one is quicker on a busy machine")
    arguments = parser.parse_args()
    path = os.path.join(HERE, "classifier.onnx")
    torch.set_num_threads(arguments.threads)
    if not arguments.measure:
        masks = letter_masks()
        write_data(masks)
        write_texts()
        network = train(masks, arguments.steps)
        export(network, path)
        write_reference(network)
        write_one_picture()
    measure(path)


if __name__ == "__main__":
    main()

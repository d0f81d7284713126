#!/usr/bin/python3
"""Makes the x2 upscaler: its pictures, the training, the ONNX file and the figures in README.md.

    nice python3 samples/models/train_upscaler.py            # about three minutes on two cores
    python3 samples/models/train_upscaler.py --measure       # only measures the files that are there

Needs Debian's python3-torch, python3-onnx, python3-numpy, python3-pil and fonts-dejavu-core.

A picture of any size goes in as RGB in 0..1 and comes out at twice the size. The low-resolution pictures are the
high-resolution ones reduced by Pillow's BICUBIC filter (which widens its support when it reduces, so it does not
alias) and rounded to 8 bits. What is compared with: the same low-resolution picture enlarged by Pillow's BICUBIC.
"""

import argparse
import glob
import json
import os
import time

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

import network_file
from picture_source import KINDS, PictureSource

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "data", "pictures")
SIZE = 192                  # side of a high-resolution picture
HELD_OUT_PER_KIND = 2
CALIBRATION_PER_KIND = 2
TRAINING_PER_KIND = 60
SEEDS = {"training": 11, "held-out": 12, "calibration": 13}

CHANNELS = 32
BLOCKS = 3
PATCH = 32                  # side of a training patch, low resolution
BATCH = 16
STEPS = 1800
LEARNING_RATE = 2e-3


# ---- data ------------------------------------------------------------------------------------------------------------

def reduced(picture):
    return picture.resize((picture.width // 2, picture.height // 2), Image.BICUBIC)


def enlarged(picture):
    return picture.resize((picture.width * 2, picture.height * 2), Image.BICUBIC)


def to_tensor(pictures):
    """PIL pictures of one size to float32 [n, 3, h, w] in 0..1, the network's input."""
    pixels = np.stack([np.asarray(p, np.float32).transpose(2, 0, 1) for p in pictures])
    return torch.from_numpy(pixels / np.float32(255))


def to_picture(values):
    """One float array [3, h, w] in 0..1 to a PIL picture: clamped and rounded to 8 bits."""
    return Image.fromarray(np.rint(values.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0))


def write_data():
    for folder in ("high", "low", "calibration"):
        os.makedirs(os.path.join(DATA, folder), exist_ok=True)
    source = PictureSource(SEEDS["held-out"], SIZE)
    for index in range(HELD_OUT_PER_KIND):
        for kind in KINDS:
            picture = source.draw(kind)
            picture.save(os.path.join(DATA, "high", f"{kind}{index + 1}.png"), optimize=True)
            reduced(picture).save(os.path.join(DATA, "low", f"{kind}{index + 1}.png"), optimize=True)
    source = PictureSource(SEEDS["calibration"], SIZE)
    for index in range(CALIBRATION_PER_KIND):
        for kind in KINDS:
            path = os.path.join(DATA, "calibration", f"{kind}{index + 1}.png")
            reduced(source.draw(kind)).save(path, optimize=True)


def training_pictures():
    """All training pictures, low and high, as bytes: [n, 3, 96, 96] and [n, 3, 192, 192]."""
    source = PictureSource(SEEDS["training"], SIZE)
    high = [source.draw(kind) for _ in range(TRAINING_PER_KIND) for kind in KINDS]
    low = [reduced(picture) for picture in high]
    return [torch.from_numpy(np.stack([np.asarray(p).transpose(2, 0, 1) for p in group])) for group in (low, high)]


def training_batch(low, high, random):
    """Random patches, mirrored, transposed and with their colour channels in random order."""
    side = low.shape[2]
    inputs, targets = [], []
    for _ in range(BATCH):
        n, x, y = (int(torch.randint(limit, (1,), generator=random)) for limit in
                   (len(low), side - PATCH + 1, side - PATCH + 1))
        a, b = low[n, :, y:y + PATCH, x:x + PATCH], high[n, :, 2 * y:2 * (y + PATCH), 2 * x:2 * (x + PATCH)]
        coins = torch.randint(2, (3,), generator=random).tolist()
        channels = torch.randperm(3, generator=random)
        for group, patch in ((inputs, a), (targets, b)):
            patch = patch[channels]
            patch = patch.flip(2) if coins[0] else patch
            patch = patch.flip(1) if coins[1] else patch
            group.append(patch.transpose(1, 2) if coins[2] else patch)
    return torch.stack(inputs).float() / 255, torch.stack(targets).float() / 255


# ---- network ---------------------------------------------------------------------------------------------------------

class Block(nn.Module):
    """x + conv(relu(conv(x)))"""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(CHANNELS, CHANNELS, 3, 1, 1)
        self.conv2 = nn.Conv2d(CHANNELS, CHANNELS, 3, 1, 1)

    def forward(self, x):
        return x + self.conv2(F.relu(self.conv1(x)))


class Upscaler(nn.Module):
    """All convolutions at low resolution; the last gives 2 x 2 pixels per place, added to the bilinear enlargement."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, CHANNELS, 3, 1, 1)
        self.blocks = nn.ModuleList([Block() for _ in range(BLOCKS)])
        self.tail = nn.Conv2d(CHANNELS, 12, 3, 1, 1)
        nn.init.zeros_(self.tail.bias)
        self.tail.weight.data *= 0.1  # starts close to the bilinear picture

    def forward(self, x):
        y = F.relu(self.head(x))
        for block in self.blocks:
            y = block(y)
        detail = F.pixel_shuffle(self.tail(y), 2)
        return detail + F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def train(steps):
    start = time.time()
    low, high = training_pictures()
    print(f"{len(low)} training pictures drawn, {time.time() - start:.0f} s", flush=True)
    torch.manual_seed(SEEDS["training"])
    random = torch.Generator().manual_seed(SEEDS["training"])
    network = Upscaler().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.05)
    total = 0.0
    for step in range(1, steps + 1):
        x, target = training_batch(low, high, random)
        # Between absolute and squared error: flat pictures would otherwise drown in a few hard edges.
        loss = torch.sqrt((network(x) - target) ** 2 + 1e-4).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % 500 == 0:
            print(f"step {step}/{steps}: loss {total / 500:.5f}, {time.time() - start:.0f} s", flush=True)
            total = 0.0
    return network.eval().to(memory_format=torch.contiguous_format)


def export(network, path):
    net = network_file.Network("upscaler_x2", "image", ["N", 3, "H", "W"])
    x = net.node("Relu", "head.relu", [net.conv("head.conv", "image", network.head)])
    for index, block in enumerate(network.blocks):
        name = f"block{index + 1}"
        y = net.node("Relu", name + ".relu", [net.conv(name + ".conv1", x, block.conv1)])
        x = net.node("Add", name + ".add", [net.conv(name + ".conv2", y, block.conv2), x])
    detail = net.node("DepthToSpace", "shuffle", [net.conv("tail.conv", x, network.tail)], blocksize=2, mode="CRD")
    scales = net.weight("enlarge.scales", np.array([1, 1, 2, 2], np.float32))
    plain = net.node("Resize", "enlarge", ["image", "", scales], mode="linear",
                     coordinate_transformation_mode="half_pixel")
    net.node("Add", "sum", [detail, plain], output="picture")
    return net.save(path, "picture", ["N", 3, "2*H", "2*W"])


# ---- what goes with it -----------------------------------------------------------------------------------------------

def write_preprocessing():
    with open(os.path.join(HERE, "upscaler.preprocess.json"), "w") as file:
        json.dump({"color": "rgb", "layout": "nchw", "mean": [0, 0, 0], "std": [1, 1, 1]}, file, indent=2)
        file.write("\n")


def write_reference(network):
    """A corner of a held-out picture, 40 wide and 32 high, and the trained module's answer to it."""
    x = to_tensor([Image.open(os.path.join(DATA, "low", "landscape1.png")).crop((30, 40, 70, 72))])
    with torch.no_grad():
        y = network(x)
    os.makedirs(os.path.join(HERE, "ref"), exist_ok=True)
    np.save(os.path.join(HERE, "ref", "upscaler.in0.npy"), x.numpy())
    np.save(os.path.join(HERE, "ref", "upscaler.out0.npy"), y.numpy())


def psnr(a, b):
    """Of two 8-bit RGB pictures, over all pixels and channels, in dB."""
    error = np.mean((np.asarray(a, np.float64) - np.asarray(b, np.float64)) ** 2)
    return 10 * np.log10(255.0 ** 2 / error)


def measure(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    count = sum(w.size for w in network_file.weights_of(model).values())
    recorded_in, recorded_out = (np.load(os.path.join(HERE, "ref", f"upscaler.{s}.npy")) for s in ("in0", "out0"))
    difference = np.abs(network_file.evaluate(model, recorded_in) - recorded_out).max()
    print(f"{os.path.getsize(path)} bytes, {count} weights; recorded output reproduced to {difference:.2e}")

    names = sorted(os.path.basename(p) for p in glob.glob(os.path.join(DATA, "high", "*.png")))
    high = [Image.open(os.path.join(DATA, "high", name)) for name in names]
    low = [Image.open(os.path.join(DATA, "low", name)) for name in names]
    x = to_tensor(low).numpy()
    calibration = [Image.open(p) for p in sorted(glob.glob(os.path.join(DATA, "calibration", "*.png")))]
    calibration = to_tensor(calibration).numpy()

    results = {"bicubic": [enlarged(picture) for picture in low]}
    results["fp32"] = [to_picture(y) for y in network_file.evaluate(model, x)]
    for title, bits, first in (("int8", 8, None), ("int4", 4, None), ("int4, first layer int8", 4, 8)):
        rounded = network_file.with_rounded_weights(model, bits, first)
        step = network_file.with_rounded_activations(model, calibration, rounded)
        results[title + " weights"] = [to_picture(y) for y in network_file.evaluate(model, x, rounded)]
        results[title + " weights, int8 activations"] = [
            to_picture(y) for y in network_file.evaluate(model, x, rounded, step)]
    for title, pictures in results.items():
        to_truth = [psnr(a, b) for a, b in zip(pictures, high)]
        to_fp32 = "" if title in ("bicubic", "fp32") else ", to fp32 {:.2f}".format(
            np.mean([psnr(a, b) for a, b in zip(pictures, results["fp32"])]))
        print(f"{title}: PSNR {np.mean(to_truth):.2f} dB{to_fp32}")
    print("per picture, bicubic and fp32: " + ", ".join(
        f"{os.path.splitext(name)[0]} {psnr(b, h):.1f} {psnr(f, h):.1f}"
        for name, b, f, h in zip(names, results["bicubic"], results["fp32"], high)))


def main():
    parser = argparse.ArgumentParser(description="Makes or measures the x2 upscaler.")
    parser.add_argument("--measure", action="store_true", help="measure the files that are there, train nothing")
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps of %d patches" % BATCH)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads; one is quicker on a busy machine")
    arguments = parser.parse_args()
    path = os.path.join(HERE, "upscaler.onnx")
    torch.set_num_threads(arguments.threads)
    if not arguments.measure:
        write_data()
        write_preprocessing()
        network = train(arguments.steps)
        export(network, path)
        write_reference(network)
    measure(path)


if __name__ == "__main__":
    main()

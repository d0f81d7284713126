#!/usr/bin/env python3
"""What each step of rounding is worth: converts a network step by step, compares every file with the float network and
prints a table. Python's standard library only.

    ablation.py net.onnx --calibrate photos/ --data test/ --preprocess net.json [--weights int4] [--samples 100]

A run takes as many conversions and comparisons as there are steps. Data to calibrate on and to judge on must differ:
give two folders, or --calibrate-samples and --skip.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

# Each step's options: those of a step take away what the steps after it add.
PLAIN = ["--no-choose", "--no-propagate", "--no-bias-correction"]
STEPS = [
    ("nearest", PLAIN + ["--rounding", "nearest", "--no-clip-search", "--no-equalize"]),
    ("+ equalisation", PLAIN + ["--rounding", "nearest", "--no-clip-search"]),
    ("+ clip search", PLAIN + ["--rounding", "nearest"]),
    ("+ GPTQ", PLAIN + ["--rounding", "gptq"]),
    ("+ coordinate descent", PLAIN + ["--rounding", "cd"]),
    ("+ bias correction", ["--no-choose", "--no-propagate"]),
    ("+ propagation", ["--no-choose", "--no-held-out-fit"]),
    ("+ held-out fit", ["--no-choose"]),
    ("+ choice by the outputs", []),
]


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(" ".join(command) + "\n" + done.stdout[-2000:])
    return done.stdout


def wanted_steps(text):
    if not text:
        return STEPS
    chosen = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        chosen += STEPS[int(first) - 1:int(last or first)]
    return chosen


def figures(text):
    """The lines of nibble-compare that say how good the file is."""
    wanted = ("agreement", "top-1", "SQNR of the outputs", "PSNR", "IoU", "AP50")
    found = {}
    for line in text.splitlines():
        for name in wanted:
            if line.startswith(name):
                found[name] = " ".join(line[len(name):].split())
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--calibrate", required=True)
    parser.add_argument("--calibrate-samples", default="100")
    parser.add_argument("--data", required=True)
    parser.add_argument("--skip", default="0")
    parser.add_argument("--samples", default="1000000")
    parser.add_argument("--labels")
    parser.add_argument("--preprocess", required=True)
    parser.add_argument("--weights", default="int4")
    parser.add_argument("--augment", help="as for nibble-convert")
    parser.add_argument("--tools", default="build/converter", help="folder of nibble-convert and nibble-compare")
    parser.add_argument("--json", help="write the figures here")
    parser.add_argument("--steps", help="numbers of those wanted, from 1: 1,4-9")
    args = parser.parse_args()
    rows = []
    for name, options in wanted_steps(args.steps):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "net.nbl")
            command = [os.path.join(args.tools, "nibble-convert"), args.model, "-o", out, "--weights", args.weights,
                       "--preprocess", args.preprocess, "--calibrate", args.calibrate,
                       "--samples", args.calibrate_samples, "--verify", "0"] + options
            if args.augment is not None:
                command += ["--augment", args.augment]
            start = time.monotonic()
            run(command)
            seconds = time.monotonic() - start
            command = [os.path.join(args.tools, "nibble-compare"), args.model, out, "--data", args.data,
                       "--skip", args.skip, "--samples", args.samples, "--layer-samples", "0"]
            if args.labels:
                command += ["--labels", args.labels]
            rows.append({"step": name, "seconds": round(seconds, 1), **figures(run(command))})
        columns = [key for key in rows[0] if key != "step"]
        if len(rows) == 1:
            print("| step | " + " | ".join(columns) + " |\n" + "| --- " * (len(columns) + 1) + "|")
        print("| " + name + " | " + " | ".join(str(rows[-1].get(key, "")) for key in columns) + " |", flush=True)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What each step of pruning is worth: prunes a classifier to shares of its multiply-adds, from random and magnitude to
second order with compensation, judges each on labelled samples and prints a table. Python's standard library only.

    prune_ablation.py net.onnx --calibrate photos/ --data test/ --labels labels.tsv --preprocess net.json --share 0.8

Data to prune with and to judge on must differ: give two folders, or --samples and --skip.
"""
import argparse
import json
import math
import subprocess
import sys

STEPS = [
    ("random", "random"),
    ("magnitude", "magnitude"),
    ("OBD", "obd"),
    ("OBS", "obs"),
    ("OBS + compensation", "compensated"),
    ("+ statistics correction", "corrected"),
]


def interval(share, count):
    """Wilson's 95 % interval."""
    z = 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return middle - half, middle + half


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--calibrate", required=True)
    parser.add_argument("--samples", default="100", help="to prune with")
    parser.add_argument("--augment", default="0", help="variations of them, as for nibble-convert")
    parser.add_argument("--data", required=True)
    parser.add_argument("--skip", default="0")
    parser.add_argument("--labels", help="PATH<tab>INDEX a line; else the data's own")
    parser.add_argument("--preprocess", required=True)
    parser.add_argument("--share", action="append", required=True, help="of the multiply-adds to keep; may be repeated")
    parser.add_argument("--steps", default=",".join(way for _, way in STEPS))
    parser.add_argument("--tool", default="build/converter/nibble-prune-trial")
    parser.add_argument("--json", help="write the figures here")
    args = parser.parse_args()

    wanted = args.steps.split(",")
    command = [args.tool, args.model, "--preprocess", args.preprocess, "--calibrate", args.calibrate,
               "--samples", args.samples, "--augment", args.augment, "--data", args.data, "--skip", args.skip]
    if args.labels:
        command += ["--labels", args.labels]
    for share in args.share:
        command += ["--share", share]
    for _, way in STEPS:
        if way in wanted:
            command += ["--way", way]
    names = {way: name for name, way in STEPS}
    figures = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tool:
        for line in tool.stdout:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if "calibration samples" in line:
                count = int(line.split(",")[1].split()[0])
                print(line.strip() + "\n\n| multiply-adds left | step | top-1 drop | agreement |\n| --- | --- | --- | --- |")
            elif len(cells) == 6 and cells[1] in names:
                drop, agreement = float(cells[2]), float(cells[3].rstrip(" %"))
                low, high = interval(agreement / 100, count)
                print(f"| {100 * float(cells[0]):.1f} % | {names[cells[1]]} | {drop:.2f} | {agreement:.1f} % "
                      f"({100 * low:.1f} to {100 * high:.1f}) |", flush=True)
                figures.append({"macs": float(cells[0]), "step": names[cells[1]], "drop": drop, "agreement": agreement,
                                "low": 100 * low, "high": 100 * high, "samples": count})
    if tool.returncode:
        sys.exit(tool.returncode)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as out:
            json.dump(figures, out, indent=1)


if __name__ == "__main__":
    main()

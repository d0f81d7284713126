#!/usr/bin/env python3
"""The whole table of accuracy in one command: converts every network of accuracy_networks.json with default options to
each format, compares each file with the float network on data that calibration has not seen and prints a table.
Python's standard library only.

    accuracy.py --data ROOT [--networks mobilenet,squeezenet] [--formats int8,int4,int4-nearest] [--cache DIR]

ROOT holds the folders models/ and data/ that accuracy_networks.json names. Figures of a network and format are kept in
the cache, so that the table can be made in pieces; a piece that is there already is not made again. int8-nearest and
int4-nearest round to nearest, with the largest weight representable and nothing made up for.
"""
import argparse
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NEAREST = ["--rounding", "nearest", "--no-clip-search", "--no-propagate", "--no-bias-correction", "--no-equalize",
           "--ranges", "minmax", "--no-choose", "--allow-collapse"]
PATHS = ("--data", "--boxes", "--labels")


def run(command, what):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{what}: exit code {done.returncode}\n" + " ".join(command) + "\n" + done.stdout[-2000:])
    return done.stdout


def pictures(path):
    if not os.path.isdir(path):
        return [path]
    return [os.path.join(path, name) for name in sorted(os.listdir(path))
            if name.lower().endswith((".jpg", ".jpeg", ".png", ".bmp"))]


def write_list(parts, root, to):
    """A list of pictures, with labels where the parts say how to know them."""
    with open(to, "w", encoding="utf-8") as out:
        for part in parts:
            boxed = set()
            if "boxes" in part:
                with open(os.path.join(root, part["boxes"]), encoding="utf-8") as file:
                    rows = [line.rstrip("\n").split("\t") for line in file]
                boxed = {row[0] for row in rows if part["box"] in row}
            for path in pictures(os.path.join(root, part["path"]))[part.get("skip", 0):]:
                label = part.get("label", int(os.path.basename(path) in boxed) if "boxes" in part else None)
                out.write(os.path.abspath(path) + ("" if label is None else f"\t{label}") + "\n")


def measure(network, form, args):
    """Converts and compares; the figures of nibble-compare and the seconds of the conversion."""
    stem = os.path.join(args.cache, os.path.splitext(os.path.basename(network["model"]))[0])
    result = f"{stem}.{form}.json"
    if os.path.exists(result) and not args.again:
        with open(result, encoding="utf-8") as file:
            return json.load(file)
    model, out = os.path.join(args.data, network["model"]), f"{stem}.{form}.nbl"
    with open(stem + ".preprocess.json", "w", encoding="utf-8") as file:
        json.dump(network["preprocess"], file)
    command = [os.path.join(args.tools, "nibble-convert"), model, "-o", out, "--weights", form.split("-")[0],
               "--calibrate", os.path.join(args.data, network["calibrate"]), "--samples", str(network["samples"]),
               "--preprocess", stem + ".preprocess.json"]
    if "detection" in network:
        command += ["--detection", json.dumps(network["detection"])]
    if form.endswith("-nearest"):
        command += NEAREST
    start = time.monotonic()
    said = run(command + args.convert, network["name"])
    seconds = time.monotonic() - start
    judge = [os.path.join(args.data, value) if before in PATHS else value
             for before, value in zip([""] + network["judge"], network["judge"])]
    if "list" in network:
        write_list(network["list"], args.data, stem + ".judge.tsv")
        judge += ["--data", stem + ".judge.tsv"]
    compared = f"{stem}.{form}.compare.json"
    run([os.path.join(args.tools, "nibble-compare"), model, out, "--json", compared, "--layer-samples", "0"] + judge,
        network["name"])
    with open(compared, encoding="utf-8") as file:
        figures = json.load(file)
    figures["seconds"] = round(seconds, 1)
    figures["chosen"] = [line for line in said.splitlines() if " chosen: " in line or " not taken: " in line]
    with open(result, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=1)
    return figures


def main_figure(network, f):
    name = network["figure"]
    if f is None or f.get(name) is None:
        return "-"
    if name == "agreement":
        low, high = f["agreement_interval"]
        return f"{100 * f[name]:.2f} % ({100 * low:.2f} to {100 * high:.2f})"
    if name == "psnr_db":
        return f"{f[name]:.1f} dB (least {f['psnr_db_least']:.1f})"
    if name == "ap50":
        return f"AP50 {100 * f[name]:.1f} (float {100 * f['ap50_reference']:.1f}), {f['sqnr_db']:.1f} dB"
    if name == "matched_boxes":
        return f"{100 * f[name]:.1f} % of {f['boxes_reference']} boxes, {f['sqnr_db']:.1f} dB"
    return f"IoU {f[name]:.4f}, {f['sqnr_db']:.1f} dB"


def drop(f):
    if f is None or f.get("top1") is None:
        return "-"
    low, high = f["top1_drop_interval"]
    return f"{100 * f['top1_drop']:.2f} ({100 * low:.2f} to {100 * high:.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with models/ and data/")
    parser.add_argument("--list", default=os.path.join(HERE, "accuracy_networks.json"), help="JSON of the networks")
    parser.add_argument("--networks", help="parts of the names of those wanted, separated by commas")
    parser.add_argument("--formats", default="int8,int4,int4-nearest")
    parser.add_argument("--tools", default="build/converter", help="folder of nibble-convert and nibble-compare")
    parser.add_argument("--cache", default="accuracy", help="folder for files and figures")
    parser.add_argument("--again", action="store_true", help="whatever is in the cache")
    parser.add_argument("--table-only", action="store_true", help="print what the cache has")
    parser.add_argument("convert", nargs="*", help="after --: more options for nibble-convert")
    args = parser.parse_args()
    os.makedirs(args.cache, exist_ok=True)
    with open(args.list, encoding="utf-8") as file:
        networks = json.load(file)
    wanted = [part.lower() for part in (args.networks or "").split(",")]
    networks = [n for n in networks if any(part in (n["name"] + n["model"]).lower() for part in wanted)]
    if not networks:
        sys.exit(f"--networks {args.networks}: none of the list is called so")
    forms = args.formats.split(",")
    dropped = [f"top-1 lost by {form}, points" for form in forms if not form.endswith("-nearest")]
    print("| network | n | " + " | ".join(forms + dropped) + " | kB: float, " +
          ", ".join(form for form in forms if not form.endswith("-nearest")) + " | seconds to convert |\n" +
          "| --- " * (len(forms) + len(dropped) + 4) + "|", flush=True)
    for network in networks:
        found = {}
        for form in forms:
            kept = os.path.join(args.cache, os.path.splitext(os.path.basename(network["model"]))[0] + f".{form}.json")
            found[form] = measure(network, form, args) if not args.table_only or os.path.exists(kept) else None
        known = [f for f in found.values() if f]
        if not known:
            continue
        own = [found[form] for form in forms if not form.endswith("-nearest")]
        sizes = [known[0]["bytes_reference"]] + [f["bytes"] if f else None for f in own]
        cells = [network["name"], f"{known[0]['samples']:,}"] + [main_figure(network, found[form]) for form in forms]
        cells += [drop(f) for f in own]
        cells += [", ".join("-" if size is None else f"{size / 1000:,.0f}" for size in sizes),
                  ", ".join(f"{f['seconds']:.0f}" if f else "-" for f in own)]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Measures what a GPU makes of nibble's kernels and prints it as rows of a table: products against the device's own
ceilings, ResNet50 in int8 with and without tuning. The folder of --out keeps the table (table.md) and all figures as
JSON; what the tools print goes to standard error."""

import argparse
import json
import os
import subprocess
import sys
import tempfile

TURNS = 3


def run(command, environment=None):
    print("+ " + " ".join(command), file=sys.stderr, flush=True)
    try:
        done = subprocess.run(command, env={**os.environ, **(environment or {})}, stdout=sys.stderr)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error.strerror}")
    if done.returncode != 0:
        sys.exit(f"{os.path.basename(command[0])} ended with {done.returncode}; what was measured until then is kept")


def measured(command, path, environment=None):
    run(command + ["--json", path], environment)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def verdict(value, goal, larger_is_better):
    return "met" if (value >= goal if larger_is_better else value <= goal) else "missed"


def product_rows(roofline):
    ceilings = roofline["ceilings"]
    rows = []
    for gemm in roofline["gemm"]:
        goal = 0.5 if gemm["product"] == "int8_int8" else None
        rows.append((f"GEMM {gemm['product']} {gemm['rows']}x{gemm['inputs']}x{gemm['outputs']} ({gemm['kernel']})",
                     f"{gemm['ops_per_s'] / 1e12:.2f} T/s, {100 * gemm['share_of_ceiling']:.0f} % of its ceiling",
                     f">= {goal:.0%}: {verdict(gemm['share_of_ceiling'], goal, True)}" if goal else ""))
    for gemv in roofline["gemv"]:
        goal = 0.6 if gemv["product"].startswith("int4") else None
        rows.append((f"GEMV {gemv['product']} {gemv['inputs']}x{gemv['outputs']} ({gemv['kernel']})",
                     f"{gemv['weight_bytes_per_s'] / 1e9:.0f} GB/s, {100 * gemv['share_of_copy']:.0f} % of copy",
                     f">= {goal:.0%}: {verdict(gemv['share_of_copy'], goal, True)}" if goal else ""))
    rows.append(("an empty dispatch / a barrier more",
                 f"{ceilings['dispatch_ns'] / 1e3:.1f} / {ceilings['barrier_ns'] / 1e3:.1f} us", ""))
    return rows


def median_ms(report):
    runs = sorted(report["models"][0]["runs_ms"])
    return runs[len(runs) // 2]


def built(path, build):
    if not os.access(path, os.X_OK) or not os.path.isfile(path):
        sys.exit(f"there is no {os.path.basename(path)} in the build folder '{build}' (expected {path}): is it built, and is "
                 "--build right?")
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument("--out", default="gpu_table", help="folder for the figures (default: gpu_table)")
    parser.add_argument("--device", default="", help="as for nibble-bench")
    parser.add_argument("--gemm", type=int, default=4096, help="size of the product (default: 4096)")
    parser.add_argument("--network", default="resnet50", help="a name of nibble-shapes --list (default: resnet50)")
    parser.add_argument("--tune-seconds", type=int, default=60, help="0: do not tune (default: 60)")
    options = parser.parse_args()
    tools = os.path.join(options.build, "engine", "tools")
    bench = built(os.path.join(tools, "nibble-bench"), options.build)
    shapes = built(os.path.join(options.build, "converter", "nibble-shapes"), options.build)
    tune = built(os.path.join(tools, "nibble-tune"), options.build) if options.tune_seconds > 0 else None
    device = ["--device", options.device] if options.device else []
    try:
        os.makedirs(options.out, exist_ok=True)
    except OSError as error:
        sys.exit(f"the folder '{options.out}' cannot be made: {error.strerror}")

    def kept(name):
        return os.path.join(options.out, name + ".json")

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        run([shapes, options.network, "--weights", "int8", "-o", folder])
        network = os.path.join(folder, options.network + ".int8.nbl")
        cache = os.path.join(folder, "pipelines")
        if tune:
            run([tune, network, "--pipeline-cache", cache, "--time-limit",
                 str(options.tune_seconds)] + device)
        # In turns, and the best of each: another program on the machine then falls on both.
        plain, tuned = [], []
        for turn in range(TURNS):
            timed = [bench, network, "--seconds", "1", "--no-steps"] + device
            plain.append(median_ms(measured(timed, kept(f"untuned{turn}"), {"NIBBLE_PIPELINE_CACHE": ""})))
            if tune:
                tuned.append(median_ms(measured(timed + ["--pipeline-cache", cache], kept(f"tuned{turn}"))))
        rows.append((f"{options.network}, int8, one picture", f"{min(plain):.3f} ms",
                     f"<= 2 ms: {verdict(min(plain), 2, False)}" if options.network == "resnet50" else ""))
        if tuned:
            ratio = min(plain) / min(tuned)
            rows.append(("the same, tuned", f"{min(tuned):.3f} ms",
                         f"untuned <= 1.3x: {verdict(ratio, 1.3, False)} ({ratio:.2f})"))
        measured([bench, network, "--steps", "0"] + device, kept("steps"), {"NIBBLE_PIPELINE_CACHE": ""})
        report = measured([bench, "--roofline", "--gemm", str(options.gemm)] + device, kept("roofline"))
        rows += product_rows(report["roofline"])
        name = report["device"]["name"]
    lines = [name, "", "| what | measured | goal |", "| --- | --- | --- |"]
    table = "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"
    with open(os.path.join(options.out, "table.md"), "w", encoding="utf-8") as file:
        file.write(table)
    print(table, end="")


if __name__ == "__main__":
    main()

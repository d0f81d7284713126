#!/usr/bin/env python3
"""Measures how time and memory grow with image size, channels, batch and model size, and draws it.

Every point is a process of its own (nibble-shapes makes the network, nibble-bench measures it), so that peak memory is
that of one network. Figures go to a CSV file, one SVG a sweep; --draw draws an existing CSV file again.
"""

import argparse
import csv
import json
import math
import os
import re
import subprocess
import sys
import tempfile

FORMATS = ["fp32", "int8", "int4"]
# A chain of layers of this width is as large as is wanted; bytes of a layer by format, scales left out.
WIDTH = 512
LAYER_BYTES = {"fp32": WIDTH * WIDTH * 4, "int8": WIDTH * WIDTH, "int4": WIDTH * WIDTH * 17 // 32}
MEGABYTES = {"fp32": [1, 4, 16, 64, 256, 1024, 1920], "int8": [1, 4, 16, 64, 256, 960], "int4": [1, 4, 16, 64, 256]}

FIELDS = ["sweep", "driver", "format", "x", "multiply_adds", "file_bytes", "steps", "run_ms", "run_min_ms", "processor_ms", "runs",
          "plan_ms", "session_ms", "planning_processor_ms", "read_ms", "upload_ms", "pipelines_ms", "device_bytes", "peak_rss_bytes"]


def sweep_points(sweep, network):
    """(x, format, arguments of nibble-shapes or the text of a network) of each point."""
    points = []
    for weights in FORMATS:
        if sweep == "size":
            points += [(s, weights, [network, "--size", str(s)]) for s in (128, 192, 256, 384, 512, 768, 1024)]
        elif sweep == "channels":
            points += [(c, weights, [network, "--size", "128", "--channels", str(c)]) for c in (0.25, 0.5, 1, 2, 4)]
        elif sweep == "batch":
            points += [(b, weights, [network, "--size", "128", "--batch", str(b)]) for b in (1, 2, 4, 8, 16)]
        else:
            for megabytes in MEGABYTES[weights]:
                layers = max(1, round(megabytes * 2**20 / LAYER_BYTES[weights]))
                rows = f"input d{WIDTH} t1\nlinear c{WIDTH} n{layers} relu\n"
                points.append((megabytes, weights, rows))
    return points


SWEEPS = {
    "size": ("height and width of the image, pixels", "image size"),
    "channels": ("factor of all channel counts", "channels"),
    "batch": ("images at once", "batch"),
    "model": ("weights in the file, MiB", "model size"),
}


def make_network(build, folder, weights, made_from):
    if isinstance(made_from, str):
        rows = os.path.join(folder, "chain.txt")
        with open(rows, "w", encoding="utf-8") as file:
            file.write(made_from)
        made_from = [rows]
    command = [os.path.join(build, "converter/nibble-shapes"), *made_from, "--weights", weights, "--samples", "1",
               "-o", os.path.join(folder, "made")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"growth: {done.stderr.strip()}")
    made = os.path.join(folder, "made")
    (name,) = os.listdir(made)
    return os.path.join(made, name), float(re.search(r"([0-9.]+) G multiply-adds", done.stdout).group(1))


def measure(build, path, manifest, runs):
    environment = dict(os.environ)
    if manifest:
        environment["VK_ICD_FILENAMES"] = environment["VK_DRIVER_FILES"] = manifest
    command = [os.path.join(build, "engine/tools/nibble-bench"), path, "--runs", str(runs), "--warmup", "1",
               "--no-steps", "--json", "-"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print("  " + done.stderr.strip(), file=sys.stderr)
        return None
    found = json.loads(done.stdout)
    model, cold = found["models"][0], found["models"][0]["cold_start_ms"]
    return {
        "multiply_adds": model["multiply_adds"], "file_bytes": model["file_bytes"], "steps": model["plan_steps"],
        "run_ms": model["latency_ms"]["median"], "run_min_ms": model["latency_ms"]["min"],
        # On a software driver this is the work itself, whatever else the machine does.
        "processor_ms": model["processor_ms"]["min"] if found["device"]["type"] == "cpu" else "",
        "runs": model["latency_ms"]["count"], "plan_ms": cold["plan"], "session_ms": cold["session"],
        "planning_processor_ms": cold["planning_processor"],
        "read_ms": cold["read"], "upload_ms": cold["upload"], "pipelines_ms": cold["pipelines"],
        "device_bytes": found["device_peak_bytes"], "peak_rss_bytes": found["process_bytes"]["peak"],
    }


def run_sweep(options, sweep, writer, file):
    for x, weights, made_from in sweep_points(sweep, options.network):
        if weights not in options.formats or x > options.most.get(sweep, math.inf):
            continue
        with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
            path, giga = make_network(options.build, folder, weights, made_from)
            runs = round(max(2, min(30, options.work / max(giga, 1e-6))))  # large points may take seconds a run
            for driver, manifest in options.drivers:
                row = measure(options.build, path, manifest, runs)
                if row is None:
                    continue
                row.update(sweep=sweep, driver=driver, format=weights, x=x)
                writer.writerow(row)
                file.flush()
                print(f"{sweep} {x} {weights} {driver}: {row['run_ms']:.2f} ms, device "
                      f"{row['device_bytes'] / 1e6:.1f} MB, process {row['peak_rss_bytes'] / 1e6:.1f} MB", flush=True)


# ---- drawing

COLORS = {"fp32": "#1f6fb4", "int8": "#d9541e", "int4": "#2f8f4e"}
DASHES = ["", "6 4", "2 3", "8 3 2 3"]
PANEL_W, PANEL_H, LEFT, TOP, GAP_X, GAP_Y = 400, 270, 70, 60, 90, 80


def run_ms(row):
    """Time of all processors on a software driver, of the clock on a device."""
    return row["run_min_ms"] if math.isnan(row["processor_ms"]) else row["processor_ms"]


# Title, value, and what it should be proportional to at most.
PANELS = [
    ("time of a run, ms", run_ms, "multiply_adds"),
    ("planning and recording, ms", lambda r: r["planning_processor_ms"], "steps"),
    ("device memory at most, MB", lambda r: r["device_bytes"] / 1e6, "multiply_adds"),
    ("resident memory at most, MB", lambda r: r["peak_rss_bytes"] / 1e6, "multiply_adds"),
]


def ticks(low, high):
    """1, 2 and 5 of each power of ten between, thinned to decades where there are many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [m * 10.0**d for d in decades for m in (1, 2, 5) if low <= m * 10.0**d <= high]
    coarse = [v for v in fine if abs(math.log10(v) - round(math.log10(v))) < 1e-9]
    return coarse if len(fine) > 9 and len(coarse) > 1 else fine


def number(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


class Panel:
    """Axes with logarithms of both values, and lines on them."""

    def __init__(self, left, top, title, x_label, xs, low, high):
        self.left, self.top, self.out = left, top, []
        self.x_low, self.x_high = math.log(min(xs)), math.log(max(xs))
        self.y_low, self.y_high = math.log(low), math.log(high)
        self.clip = f"panel{left}x{top}"
        self.out.append(f'<clipPath id="{self.clip}"><rect x="{left}" y="{top}" width="{PANEL_W}" height="{PANEL_H}"/>'
                        "</clipPath>")
        self.text(left, top - 10, title, "title")
        self.out.append(f'<rect x="{left}" y="{top}" width="{PANEL_W}" height="{PANEL_H}" class="frame"/>')
        labelled = -math.inf
        for x in xs:
            px = self.px(x)
            if px - labelled < 32:  # no room for its number
                continue
            labelled = px
            self.out.append(f'<line x1="{px:.1f}" y1="{top}" x2="{px:.1f}" y2="{top + PANEL_H}" class="grid"/>')
            self.text(px, top + PANEL_H + 16, number(x), "tick middle")
        for y in ticks(low, high):
            py = self.py(y)
            self.out.append(f'<line x1="{left}" y1="{py:.1f}" x2="{left + PANEL_W}" y2="{py:.1f}" class="grid"/>')
            self.text(left - 6, py + 4, number(y), "tick end")
        self.text(left + PANEL_W / 2, top + PANEL_H + 34, x_label, "tick middle")

    def px(self, x):
        return self.left + PANEL_W * (math.log(x) - self.x_low) / (self.x_high - self.x_low)

    def py(self, y):
        return self.top + PANEL_H * (1 - (math.log(y) - self.y_low) / (self.y_high - self.y_low))

    def text(self, x, y, text, kind):
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{text}</text>')

    def line(self, points, color, dash, dots=True, width=1.8):
        path = " ".join(f"{self.px(x):.1f},{self.py(y):.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.out.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"{dashed} '
                        f'clip-path="url(#{self.clip})"/>')
        for x, y in points if dots else []:
            self.out.append(f'<circle cx="{self.px(x):.1f}" cy="{self.py(y):.1f}" r="2.6" fill="{color}"/>')


def lines_of(rows, value):
    """{(driver, format): [(x, value)]} in order of x."""
    out = {}
    for row in sorted(rows, key=lambda r: r["x"]):
        out.setdefault((row["driver"], row["format"]), []).append((row["x"], value(row)))
    return out


def work_line(rows, lines, work_field):
    """Work by x, through the largest value at the largest x: a line that is steeper than this grows faster than the work."""
    (_, weights), longest = max(lines.items(), key=lambda item: (item[1][-1][0], item[1][-1][1]))
    work = {row["x"]: row[work_field] for row in rows if row["format"] == weights}
    x_end, y_end = longest[-1]
    return [(x, y_end * work[x] / work[x_end]) for x, _ in longest]


def draw(rows, sweep, path, subtitle):
    x_label, title = SWEEPS[sweep]
    xs = sorted({row["x"] for row in rows})
    drivers = list(dict.fromkeys(row["driver"] for row in rows))
    width, height = 2 * PANEL_W + GAP_X + LEFT + 20, 2 * (PANEL_H + GAP_Y) + TOP + 40
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
           "<style>.frame{fill:none;stroke:#444}.grid{stroke:#ddd;stroke-width:0.7}.title{font-size:14px;font-weight:bold}"
           ".tick{font-size:11px;fill:#333}.middle{text-anchor:middle}.end{text-anchor:end}"
           ".head{font-size:17px;font-weight:bold}</style>",
           f'<rect width="{width}" height="{height}" fill="white"/>',
           f'<text x="{LEFT}" y="24" class="head">Growth with {title}</text>',
           f'<text x="{LEFT}" y="40" class="tick">{subtitle}</text>']
    for i, (panel_title, value, work_field) in enumerate(PANELS):
        lines = lines_of(rows, value)
        reference = work_line(rows, lines, work_field)
        values = [y for points in lines.values() for _, y in points]
        low, high = min(values) / 1.3, max(values) * 1.3
        panel = Panel(LEFT + (i % 2) * (PANEL_W + GAP_X), TOP + 10 + (i // 2) * (PANEL_H + GAP_Y), panel_title, x_label,
                      xs, low, high)
        panel.line(reference, "#999999", "", dots=False, width=4)
        for (driver, weights), points in lines.items():
            panel.line(points, COLORS[weights], DASHES[drivers.index(driver) % len(DASHES)])
        out += panel.out
    x, y = LEFT, height - 30
    entries = [(f"{weights}, {driver}", COLORS[weights], DASHES[drivers.index(driver) % len(DASHES)], 1.8)
               for driver in drivers for weights in FORMATS if any(r["format"] == weights for r in rows)]
    entries.append(("proportional to the work (planning: to the number of steps)", "#999999", "", 4))
    for name, color, dash, stroke in entries:
        if x + 46 + 6.4 * len(name) > width:
            x, y = LEFT, y + 18
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        out.append(f'<line x1="{x}" y1="{y - 4}" x2="{x + 28}" y2="{y - 4}" stroke="{color}" stroke-width="{stroke}"{dashed}/>')
        out.append(f'<text x="{x + 34}" y="{y}" class="tick">{name}</text>')
        x += 46 + 6.4 * len(name)
    out.append("</svg>\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out))


def summary(rows, sweep):
    """How much dearer a unit of work is at the largest point than at the cheapest one before it."""
    out = []
    for title, value, work_field in PANELS:
        for (driver, weights), points in lines_of(rows, value).items():
            work = {r["x"]: r[work_field] for r in rows if r["format"] == weights}
            each = [y / work[x] for x, y in points]
            if len(each) > 1 and each[-1] > 1.25 * min(each[:-1]):
                out.append(f"{sweep}: {title.split(',')[0]}, {weights} on {driver}: {each[-1] / min(each[:-1]):.2f} "
                           "times as much for a unit of work at the largest point as at the cheapest before it")
    return out


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for field in FIELDS:
            if field not in ("sweep", "driver", "format"):
                row[field] = float(row[field] or "nan")
    return rows


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="build folder with nibble-shapes and nibble-bench (build)")
    parser.add_argument("--out", required=True, help="folder for growth.csv and the SVG files")
    parser.add_argument("--driver", action="append", default=[], metavar="NAME=MANIFEST",
                        help="a Vulkan driver and its manifest; repeatable (default: the system's)")
    parser.add_argument("--sweep", action="append", choices=list(SWEEPS), help="only these (all)")
    parser.add_argument("--formats", default=",".join(FORMATS), help="of %s (all)" % ",".join(FORMATS))
    parser.add_argument("--network", default="mobilenet_v2", help="for image size, channels and batch (mobilenet_v2)")
    parser.add_argument("--most", action="append", default=[], metavar="SWEEP=X", help="leave out points beyond X")
    parser.add_argument("--work", type=float, default=5,
                        help="10^9 multiply-adds that the runs of a point take together; at least 2 runs, at most 30 (5)")
    parser.add_argument("--scratch", help="folder for the networks while they are measured (the system's for such files)")
    parser.add_argument("--append", action="store_true", help="keep the CSV file's other rows, replace those measured now")
    parser.add_argument("--draw", action="store_true", help="measure nothing, draw the CSV file again")
    options = parser.parse_args(arguments)
    options.drivers = [tuple(d.split("=", 1)) for d in options.driver] or [("default", None)]
    if any(len(d) != 2 for d in options.drivers):
        parser.error("--driver: expected NAME=MANIFEST")
    options.formats = options.formats.split(",")
    if unknown := set(options.formats) - set(FORMATS):
        parser.error(f"--formats: unknown {', '.join(sorted(unknown))}, known: {', '.join(FORMATS)}")
    try:
        options.most = {name: float(x) for name, x in (m.split("=") for m in options.most)}
    except ValueError:
        parser.error("--most: expected SWEEP=X")
    if unknown := set(options.most) - set(SWEEPS):
        parser.error(f"--most: unknown sweep {', '.join(sorted(unknown))}")
    return options


def main(arguments):
    options = parse(arguments)
    os.makedirs(options.out, exist_ok=True)
    path = os.path.join(options.out, "growth.csv")
    if not options.draw:
        sweeps = options.sweep or list(SWEEPS)
        names = {name for name, _ in options.drivers}
        kept = []
        if options.append and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                kept = [r for r in csv.DictReader(file) if not (r["sweep"] in sweeps and r["driver"] in names
                                                                and r["format"] in options.formats)]
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)
            for sweep in sweeps:
                run_sweep(options, sweep, writer, file)
    rows = read_rows(path)
    for sweep in SWEEPS:
        of_sweep = [row for row in rows if row["sweep"] == sweep]
        if len({row["x"] for row in of_sweep}) < 2:
            continue
        network = f"chain of {WIDTH} x {WIDTH} layers, one row" if sweep == "model" else options.network
        software = any(not math.isnan(row["processor_ms"]) for row in of_sweep)
        times = "times are those of all processors together" if software else "times are by the clock"
        draw(of_sweep, sweep, os.path.join(options.out, f"{sweep}.svg"), f"{network}; fastest run of a point, {times}")
        for line in summary(of_sweep, sweep):
            print(line)


if __name__ == "__main__":
    main(sys.argv[1:])

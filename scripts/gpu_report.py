#!/usr/bin/env python3
"""Prints the table of a card for docs/speed.md from what scripts/gpu.sh measured.

    gpu_report.py RESULTS.jsonl ...
"""

import collections
import json
import statistics
import sys


def lines_of(paths):
    """The lines of all files by part; what is not JSON (the end of a part that was stopped) is counted."""
    parts, broken = collections.defaultdict(list), 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for text in filter(str.strip, file):
                try:
                    line = json.loads(text)
                except json.JSONDecodeError:
                    broken += 1
                    continue
                parts[line.get("part", "")].append(line)
    return parts, broken


def rate(gflops):
    return f"{gflops / 1e3:.1f} TFLOP/s" if gflops >= 1e3 else f"{gflops:.1f} GFLOP/s"


def milliseconds(seconds):
    return f"{seconds * 1e3:.1f} ms" if seconds >= 0.01 else f"{seconds * 1e3:.2f} ms"


def title(parts):
    run = parts["run"][0] if parts["run"] else {}
    card = next((line for part in parts.values() for line in part if "adapter" in line and "driver" in line), {})
    about = [text for text in (card.get("driver"), run.get("commit") and f"commit {run['commit']}") if text]
    return f"### {card.get('adapter', 'unknown card')}", ", ".join(about)


def best_product(parts):
    """The line of the fastest matrix product; a rate that no share can be of if none was measured."""
    return max(parts["gemm"], key=lambda line: line["gflops"], default={"gflops": float("nan")})


def products(parts):
    if parts["gemm"]:
        best = best_product(parts)
        yield "best matrix product", f"{rate(best['gflops'])} ({best['size']}³, {best['variant']})"


def convolutions(parts):
    best = best_product(parts)["gflops"]
    shares = collections.defaultdict(dict)
    for line in parts["convolutions, time-weighted"]:
        shares[line["images"]][line["direction"]] = line
    for images, found in sorted(shares.items()):
        texts = [f"{name} {rate(line['gflops'])}, {line['gflops'] / best:.0%}" for name, line in found.items()]
        yield f"convolutions on {images} images, of the best product", "; ".join(texts)


def feature_maps(line):
    """The words for feature maps in f16; results without the word are of f32."""
    return "feature maps in f16, " if line.get("precision") == "mixed" else ""


def steps(parts):
    best = best_product(parts)["gflops"]
    for line in parts["step"]:
        yield (
            f"step of `{line['preset']}`, K = {line['k']}, {feature_maps(line)}{line['passes_per_dispatch']} passes a dispatch",
            f"{milliseconds(line['seconds'])}, {1 / line['seconds']:.1f} steps/s, {rate(line['gflops'])}, "
            f"{line['gflops'] / best:.0%} of the best product, {line['dispatches']} dispatches",
        )
    for line in parts["estimate"]:
        yield (
            f"estimate of `{line['preset']}`, {feature_maps(line)}at {line['card']['peak'] / 1e3:.1f} TFLOP/s, {line['card']['bandwidth']:.0f} GB/s",
            f"{milliseconds(line['seconds'])}, {1 / line['seconds']:.1f} steps/s",
        )


def costs(parts):
    for line in parts["dispatch"]:
        kind = "dependent" if line["dependent"] else "independent"
        yield f"{kind} dispatch", f"{line['microseconds']:.1f} µs, {line['encode_microseconds']:.1f} µs of it to encode"
    # A smaller map measures the dispatch.
    for line in (line for line in parts["memory"] if line["bytes"] >= 64e6):
        yield line["operation"], f"{line['gb_a_second']:.0f} GB/s"


def peers(parts):
    """Medians of a step on one labelled batch, ours and the others', by images."""
    times = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in parts["training"]:
        times[line["images"]]["remixmatch"].append(line["seconds_a_step"])
    for line in parts["peer"]:
        if "seconds_a_step" in line:
            times[line["images"]][line["setting"]].append(line["seconds_a_step"])
    for images, sides in sorted(times.items()):
        ours = statistics.median(sides["remixmatch"]) if "remixmatch" in sides else None
        for name, seconds in sides.items():
            median = statistics.median(seconds)
            ratio = f", {median / ours:.2f} times ours" if ours and name != "remixmatch" else ""
            yield f"training step, {images} labelled images, {name}", milliseconds(median) + ratio


def main(paths):
    if not paths:
        sys.exit(__doc__)
    parts, broken = lines_of(paths)
    heading, about = title(parts)
    print(f"{heading}\n\n{about}\n\n| what | measured |\n|---|---|")
    for section in (products, convolutions, steps, costs, peers):
        for what, measured in section(parts):
            print(f"| {what} | {measured} |")
    skipped = [line["name"] for line in parts["skipped"]]
    failed = [line["name"] for line in parts["time"] if line["status"] != "0"]
    for kind, names in (("No time was left for", skipped), ("Stopped or failed", failed)):
        if names:
            print(f"\n{kind}: {', '.join(names)}.")
    if broken:
        print(f"\n{broken} lines are incomplete.")


if __name__ == "__main__":
    main(sys.argv[1:])

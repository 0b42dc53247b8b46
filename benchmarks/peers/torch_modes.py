#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times PyTorch's ways to compute a Vision Transformer on one device, eager and compiled, in float32, TF32 and bfloat16.

`vitesse bench --peers torch` compares with eager float32, result by result; what the others compute differs too much from
the reference for that. Writes one JSON object a line: workload, mode, median milliseconds, images per second.

  torch_modes.py [--device cuda] [--inference b/16] [--batches 1,32,256] [--training mnist,s/16] [--seconds 3]
"""
import argparse
import json
import statistics
import sys
import time

import torch
from torch.nn import functional as F

from torch_peer import VisionTransformer

# image, patch, channels, width, MLP width, depth, heads, classes, batch of a training step: as `vitesse bench` has them
PRESETS = {
    "mnist": (28, 4, 1, 64, 128, 6, 4, 10, 128),
    "ti/16": (224, 16, 3, 192, 768, 12, 3, 1000, 8),
    "s/16": (224, 16, 3, 384, 1536, 12, 6, 1000, 8),
    "b/16": (224, 16, 3, 768, 3072, 12, 12, 1000, 8),
}
MODES = [(precision, compiled) for compiled in (False, True) for precision in ("float32", "tf32", "bfloat16")]


def model_of(preset):
    image, patch, channels, width, mlp_width, depth, heads, classes, _ = PRESETS[preset]
    return VisionTransformer(dict(
        image_size=image, patch_size=patch, channels=channels, width=width, depth=depth, heads=heads, mlp_width=mlp_width,
        classes=classes, learned_position=True, epsilon=1e-6))


def inference(model, images, precision):
    def call():
        with torch.inference_mode(), autocast(images, precision):
            return model(images)
    return call


def training(model, images, precision):
    labels = torch.zeros(len(images), dtype=torch.long, device=images.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.05)

    def call():
        optimizer.zero_grad()
        with autocast(images, precision):
            loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()
    return call


def autocast(images, precision):
    return torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bfloat16")


def median_seconds(call, wait, seconds):
    for _ in range(3):
        call()
    wait()
    samples, end = [], time.perf_counter() + seconds
    while len(samples) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        wait()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples)


def measure(kind, preset, batch, precision, compiled, options):
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    device = torch.device(options.device)
    size, _, channels, *_ = PRESETS[preset]
    model = model_of(preset).to(device).train(kind == "training")
    images = torch.randn(batch, channels, size, size, device=device)
    call = (training if kind == "training" else inference)(
        torch.compile(model) if compiled else model, images, precision)
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    return median_seconds(call, wait, options.seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--inference", default="b/16", choices=sorted(PRESETS))
    parser.add_argument("--batches", default="1,32,256")
    parser.add_argument("--training", default="mnist,s/16")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--eager", action="store_true", help="leave out what torch.compile makes")
    options = parser.parse_args()
    name = torch.cuda.get_device_name() if options.device.startswith("cuda") else options.device
    work = [("inference", options.inference, int(b)) for b in options.batches.split(",") if b]
    work += [("training", preset, PRESETS[preset][-1]) for preset in options.training.split(",") if preset]
    failures = 0
    for kind, preset, batch in work:
        for precision, compiled in MODES:
            if precision == "tf32" and not options.device.startswith("cuda") or compiled and options.eager:
                continue
            line = dict(workload=f"{kind} {preset} b={batch}", mode=f"{precision} {'compiled' if compiled else 'eager'}")
            try:
                seconds = measure(kind, preset, batch, precision, compiled, options)
                line.update(ms=round(1e3 * seconds, 4), images_per_second=round(batch / seconds, 1))
            except Exception as error:  # no compiler, no memory: the others are still worth having
                failures += 1
                line.update(failed=f"{type(error).__name__}: {error}".splitlines()[0])
            print(json.dumps(line | dict(device=name, torch=torch.__version__)), flush=True)
            torch._dynamo.reset()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

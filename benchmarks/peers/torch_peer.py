#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch as a contender of `vitesse bench --peers torch`: float32, eager, the fused operators that it has.

The session starts this process and talks to it over a local socket, one JSON object a line:
  prepare (a workload, its inputs in files) -> ready (results written to files) or failed (reason)
  go (seconds) -> done (nanoseconds of each run);   end -> bye
Nothing here is timed but what one call of the library computes too; inputs are made before.
"""
import argparse
import json
import os
import socket
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

SHORTEST_SAMPLE_NANOS = 200_000  # as the library's own samples
# As the library's own WarmUp.
WINDOW_NANOS, GAIN, STEADY_WINDOWS, FEWEST_WINDOWS = 100_000_000, 0.05, 10, 2


def sinusoids(tokens, width):
    """Sines at even and cosines at odd elements (Vaswani et al. 2017, section 3.5): [tokens, width]."""
    element = torch.arange(width)
    angle = torch.arange(tokens, dtype=torch.float64)[:, None] / 10000 ** ((element - element % 2) / width)
    return torch.where(element % 2 == 0, angle.sin(), angle.cos()).float()


def read_safetensors(path):
    """The float32 tensors of a file by name."""
    with open(path, "rb") as file:
        data = file.read()
    length = int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32).reshape(entry["shape"])
    return tensors


class Block(nn.Module):
    """Pre-norm encoder block under timm's names."""

    def __init__(self, width, heads, hidden, epsilon):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=epsilon)
        self.attn = nn.ModuleDict(dict(qkv=nn.Linear(width, 3 * width), proj=nn.Linear(width, width)))
        self.norm2 = nn.LayerNorm(width, eps=epsilon)
        self.mlp = nn.ModuleDict(dict(fc1=nn.Linear(width, hidden), fc2=nn.Linear(hidden, width)))

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.attn["qkv"](self.norm1(x)).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        context = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, width)
        x = x + self.attn["proj"](context)
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class VisionTransformer(nn.Module):
    def __init__(self, c):
        super().__init__()
        patches = (c["image_size"] // c["patch_size"]) ** 2
        self.patch_embed = nn.ModuleDict(
            dict(proj=nn.Conv2d(c["channels"], c["width"], c["patch_size"], c["patch_size"])))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, c["width"]))
        position = torch.randn(1, patches + 1, c["width"]) * 0.02
        if not c["learned_position"]:
            position = sinusoids(patches + 1, c["width"])[None]
        self.pos_embed = nn.Parameter(position, requires_grad=c["learned_position"])
        self.blocks = nn.ModuleList(
            Block(c["width"], c["heads"], c["mlp_width"], c["epsilon"]) for _ in range(c["depth"]))
        self.norm = nn.LayerNorm(c["width"], eps=c["epsilon"])
        self.head = nn.Linear(c["width"], c["classes"])

    def forward(self, images):
        x = self.patch_embed["proj"](images).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class Workload:
    """A workload's inputs, its call, and the results that the session compares."""

    def __init__(self, message, device, name):
        self.message, self.device, self.name = message, device, name

    def path(self, owner, name):
        return os.path.join(self.message["folder"], f"{owner}-{name}.bin")

    def read(self, name, shape, dtype=torch.float32):
        with open(self.path("in", name), "rb") as file:
            values = torch.frombuffer(bytearray(file.read()), dtype=dtype)
        return values.reshape(shape).to(self.device)

    def operand(self, name):
        return self.read(name, self.message["operands"][name])

    def has(self, name):
        return name in self.message.get("operands", {})

    def write(self, results):
        for name, value in results.items():
            with open(self.path(self.name, name), "wb") as file:
                file.write(value.detach().to("cpu", torch.float32).contiguous().numpy().tobytes())

    def prepare(self):
        """Returns (the call to time, what the call's value is called, or None if it is not compared)."""
        kind = self.message["kind"]
        return getattr(self, kind if kind != "kernel" else self.message["op"])()

    # Kernels. Each returns a call and a function that makes named results of the call's value.

    def linear(self):
        x, weight = self.operand("x"), self.operand("weight")
        bias = self.operand("bias") if self.has("bias") else None
        options = self.message["options"]
        if "GELU" in options:
            return lambda: F.gelu(F.linear(x, weight, bias)), lambda y: dict(y=y)
        if "add" in options:
            residual = self.operand("residual")
            return lambda: residual + F.linear(x, weight, bias), lambda y: dict(y=y)
        return lambda: F.linear(x, weight, bias), lambda y: dict(y=y)

    def linearBackwardInput(self):
        dy, weight = self.operand("dY"), self.operand("weight")
        if "GELU" in self.message["options"]:
            z = self.operand("preActivation")
            return (lambda: torch.ops.aten.gelu_backward(dy @ weight, z)), lambda dx: dict(dX=dx)
        return lambda: dy @ weight, lambda dx: dict(dX=dx)

    def linearBackwardWeight(self):
        dy, x = self.operand("dY"), self.operand("x")
        dy, x = dy.flatten(0, -2), x.flatten(0, -2)
        return lambda: (dy.t() @ x, dy.sum(0)), lambda r: dict(dWeight=r[0], dBias=r[1])

    def layerNorm(self):
        x, gamma, beta = self.operand("x"), self.operand("gamma"), self.operand("beta")
        return lambda: F.layer_norm(x, gamma.shape, gamma, beta, 1e-6), lambda y: dict(y=y)

    def layerNormBackward(self):
        dx0, dy, x, gamma = (self.operand(n) for n in ("dX", "dY", "x", "gamma"))
        mean, rstd = self.operand("mean").unsqueeze(-1), self.operand("rstd").unsqueeze(-1)
        shape, wanted = list(gamma.shape), [True] * 3
        # The library adds dX to the residual stream's gradient in the same pass; that sum is not timed here.
        return (lambda: torch.ops.aten.native_layer_norm_backward(dy, x, shape, mean, rstd, gamma, gamma, wanted),
                lambda r: dict(dX=dx0 + r[0], dGamma=r[1], dBeta=r[2]))

    def heads(self):
        """Queries, keys and values as contiguous [B, H, T, A]: what the fused operator likes best."""
        qkv, heads = self.operand("qkv"), self.message["heads"]
        batch, tokens, width = qkv.shape
        return [t.contiguous() for t in qkv.reshape(batch, tokens, 3, heads, width // 3 // heads).permute(2, 0, 3, 1, 4)]

    def attention(self):
        q, k, v = self.heads()
        return lambda: F.scaled_dot_product_attention(q, k, v), lambda c: dict(context=c.transpose(1, 2).flatten(2))

    def attentionBackward(self):
        q, k, v = (t.requires_grad_() for t in self.heads())
        batch, heads, tokens, width = q.shape
        gradient = self.operand("dContext").reshape(batch, tokens, heads, width).transpose(1, 2).contiguous()
        context = F.scaled_dot_product_attention(q, k, v)
        return (lambda: torch.autograd.grad(context, (q, k, v), gradient, retain_graph=True),
                lambda g: dict(dQkv=torch.stack(g).permute(1, 3, 0, 2, 4).flatten(2)))

    def patchEmbedding(self):
        names = ("images", "weight", "bias", "prefix", "position")
        images, weight, bias, prefix, position = (self.operand(n) for n in names)
        side, batch = weight.shape[-1], images.shape[0]

        def call():
            x = F.conv2d(images, weight, bias, stride=side).flatten(2).transpose(1, 2)
            return torch.cat((prefix.expand(batch, -1, -1), x), 1) + position
        return call, lambda tokens: dict(tokens=tokens)

    def crossEntropy(self):
        logits = self.operand("logits").requires_grad_()
        labels = self.read("labels", self.message["operands"]["labels"], torch.int32).long()

        def call():
            loss = F.cross_entropy(logits, labels)
            return torch.autograd.grad(loss, logits)[0]
        return call, lambda gradient: dict(dLogits=gradient)

    def adam(self):
        weight = nn.Parameter(self.operand("weight"))
        weight.grad = self.operand("gradient")
        optimizer = torch.optim.AdamW([weight], lr=1e-3, weight_decay=0.05, foreach=True)
        return optimizer.step, None  # its step number, and so its result, is another

    # Models.

    def images(self):
        c, batch = self.message["config"], self.message["batch"]
        return self.read("images", (batch, c["channels"], c["image_size"], c["image_size"]))

    def model(self):
        """The model with the weights that the library's own has."""
        model = VisionTransformer(self.message["config"])
        tensors = read_safetensors(os.path.join(self.message["folder"], "weights", "model.safetensors"))
        for name, parameter in model.named_parameters():
            if name in tensors:
                parameter.data.copy_(tensors.pop(name).reshape(parameter.shape))
            elif parameter.requires_grad:
                raise KeyError(f"no weights for {name}")
        if tensors:
            raise KeyError(f"weights without a place: {', '.join(tensors)}")
        return model.to(self.device)

    def inference(self):
        model, images = self.model().eval(), self.images().to("cpu")

        def call():
            with torch.inference_mode():
                return model(images.to(self.device)).to("cpu")
        return call, lambda logits: dict(logits=logits)

    def training(self):
        model, images = self.model(), self.images()
        labels = self.read("labels", (self.message["batch"],), torch.int32).long()
        optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-5, weight_decay=0.05)
        self.write(self.first_step(model, images, labels))

        def call():
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            return loss.item()
        return call, None  # the first step was written

    def first_step(self, model, images, labels):
        """Loss and gradients where only the images count that the library's reference computes too."""
        few = labels.clone()
        few[self.message["checked_images"]:] = -1
        loss = F.cross_entropy(model(images), few, ignore_index=-1)
        loss.backward()
        gradients = {n: p.grad.flatten() for n, p in model.named_parameters() if p.grad is not None}
        # A float32 sum of millions of squares would be off by more than is allowed.
        norm = torch.cat(list(gradients.values())).double().norm()
        results = dict(loss=loss.reshape(1), gradientNorm=norm.reshape(1))
        for name, gradient in gradients.items():
            results[f"grad.{name}"] = gradient[::-(-gradient.numel() // self.message["checked_elements"])]
        return results


def warm_up(call, wait, most_seconds):
    """Runs until the work is steady, by the rule of the library's own WarmUp: (steady, fastest nanoseconds, seconds)."""
    begin, fastest, fastest_before, steady, windows = time.perf_counter_ns(), float("inf"), float("inf"), 0, 0
    while True:
        start = last = time.perf_counter_ns()
        fastest_here = float("inf")
        while last - start < WINDOW_NANOS:
            call()
            wait()
            now = time.perf_counter_ns()
            fastest_here, last = min(fastest_here, now - last), now
        windows += 1
        fastest = min(fastest, fastest_here)
        steady = 0 if fastest_here < (1 - GAIN) * fastest_before else steady + 1
        fastest_before = fastest if steady == 0 else fastest_before
        seconds = (last - begin) / 1e9
        if steady == STEADY_WINDOWS or (seconds >= most_seconds and windows >= FEWEST_WINDOWS):
            return steady > 0, fastest, seconds


def measure(call, wait, repeats, seconds):
    """Nanoseconds of a run, for each sample that fits."""
    samples, end = [], time.perf_counter() + seconds
    while not samples or time.perf_counter() < end:
        start = time.perf_counter_ns()
        for _ in range(repeats):
            call()
        wait()
        samples.append((time.perf_counter_ns() - start) / repeats)
    return samples


def serve(link, options):
    device = torch.device(options.device)
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    stream = link.makefile("rw", encoding="utf-8")

    def say(**message):
        stream.write(json.dumps(message) + "\n")
        stream.flush()

    say(say="hello", contender=options.name)
    version = f"PyTorch {torch.__version__} on {options.device}, {torch.get_num_threads()} threads, float32 eager"
    call = results = workload = repeats = None
    for line in stream:
        message = json.loads(line)
        try:
            if message["say"] == "prepare":
                workload = Workload(message, device, options.name)
                call, results = workload.prepare()
                value = call()
                if results:
                    workload.write(results(value))
                steady, fastest, seconds = warm_up(call, wait, message["warm_up_seconds"])
                repeats = max(1, -(-SHORTEST_SAMPLE_NANOS // fastest))
                say(say="ready", device=version, nanos=fastest, steady=steady, warm_up_seconds=seconds)
            elif message["say"] == "go":
                say(say="done", nanos=measure(call, wait, repeats, message["seconds"]))
            elif message["say"] == "end":
                if results:
                    workload.write(results(call()))
                say(say="bye")
        except Exception as error:  # whatever it is, the session has to be told
            print(error, file=sys.stderr, flush=True)
            say(say="failed", reason=f"{type(error).__name__}: {error}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", default="torch")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    with socket.create_connection(("127.0.0.1", options.port)) as link:
        serve(link, options)


if __name__ == "__main__":
    main()

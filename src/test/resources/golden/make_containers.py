#!/usr/bin/env python3
"""Writes mnist.timm.safetensors again in other containers: Google's names as .npz, PyTorch's .pth (needs numpy, torch,
safetensors). Run it in this folder."""
import numpy as np
import torch
from safetensors.torch import load_file

HEADS, DEPTH = 2, 2
weights = load_file("mnist.timm.safetensors")


def google(w):
    """timm names -> Google's, axes as Flax has them."""
    width = w["cls_token"].shape[-1]
    linear = lambda t: t.numpy().T
    out = {
        "cls": w["cls_token"].numpy(),
        "Transformer/posembed_input/pos_embedding": w["pos_embed"].numpy(),
        "embedding/kernel": w["patch_embed.proj.weight"].numpy().transpose(2, 3, 1, 0),
        "embedding/bias": w["patch_embed.proj.bias"].numpy(),
        "Transformer/encoder_norm/scale": w["norm.weight"].numpy(),
        "Transformer/encoder_norm/bias": w["norm.bias"].numpy(),
        "head/kernel": linear(w["head.weight"]),
        "head/bias": w["head.bias"].numpy(),
    }
    for i in range(DEPTH):
        t, b = f"blocks.{i}.", f"Transformer/encoderblock_{i}/"
        for norm, name in (("norm1", "LayerNorm_0"), ("norm2", "LayerNorm_2")):
            out[b + name + "/scale"] = w[t + norm + ".weight"].numpy()
            out[b + name + "/bias"] = w[t + norm + ".bias"].numpy()
        a = b + "MultiHeadDotProductAttention_1/"
        for k, name in enumerate(("query", "key", "value")):
            rows = slice(k * width, (k + 1) * width)
            out[a + name + "/kernel"] = linear(w[t + "attn.qkv.weight"][rows]).reshape(width, HEADS, -1)
            out[a + name + "/bias"] = w[t + "attn.qkv.bias"][rows].numpy().reshape(HEADS, -1)
        out[a + "out/kernel"] = linear(w[t + "attn.proj.weight"]).reshape(HEADS, -1, width)
        out[a + "out/bias"] = w[t + "attn.proj.bias"].numpy()
        for k, name in enumerate(("fc1", "fc2")):
            out[b + f"MlpBlock_3/Dense_{k}/kernel"] = linear(w[t + f"mlp.{name}.weight"])
            out[b + f"MlpBlock_3/Dense_{k}/bias"] = w[t + f"mlp.{name}.bias"].numpy()
    return {name: np.ascontiguousarray(array) for name, array in out.items()}


np.savez_compressed("mnist.google.npz", **google(weights))
parameters = {name: torch.nn.Parameter(t) for name, t in weights.items()}
# One tensor is part of a larger storage.
parameters["head.bias"] = torch.cat([torch.ones(5), weights["head.bias"]])[5:]
torch.save({"model": parameters, "epoch": 3, "lr": 0.1, "history": [1, (2.5, None)]}, "mnist.timm.pth")

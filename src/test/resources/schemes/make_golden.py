#!/usr/bin/env python3
"""Writes small Vision Transformers with random weights under every library's names, and what PyTorch makes of them
(needs torch, transformers 5, safetensors, numpy). Hugging Face's models are transformers' own; the others follow the
source of timm, Google's big_vision and lucidrains' vit-pytorch. Run it in this folder.

expected.safetensors: `input` [2, 3, 8, 8], `<model>` the logits (of a model without a head, its features), in float64
stored as float32; `positions...` learned positions and what each library resamples them to."""
import json
import math
import os
import shutil

import numpy as np
import torch
import torch.nn.functional as F
import transformers as t
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(5)
torch.set_default_dtype(torch.float64)
D, L, H, M, P, S, K = 8, 2, 2, 12, 4, 8, 3
IMAGES = torch.randn(2, 3, S, S)
expected = {"input": IMAGES.float()}


def randomize(model):
    for name, p in model.named_parameters():
        center = 1.0 if ("norm" in name or name.endswith(("net.0.weight",))) and name.endswith("weight") and p.dim() == 1 else 0.0
        p.data = center + 0.4 * torch.randn_like(p)
    return model.eval()


def metadata(**changes):
    keys = dict(image_size=S, patch_size=P, num_layers=L, num_heads=H, hidden_dim=D, mlp_dim=M, num_classes=K, channels=3,
                layer_norm_eps=1e-6, gelu="erf", pool="class_token")
    keys.update(changes)
    return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in keys.items() if v is not None}


def write(name, weights, meta):
    save_file({k: v.detach().float().contiguous().clone() for k, v in weights.items()}, name + ".safetensors", meta)


# ---- Hugging Face ----
def hf(name, cls, config, output, in_memory=False):
    model = randomize(cls(config))
    with torch.no_grad():
        expected[name] = output(model(IMAGES)).float()
    shutil.rmtree(name, ignore_errors=True)
    if in_memory:
        os.makedirs(name)
        save_file({k: v.float().contiguous() for k, v in model.state_dict().items()}, name + "/model.safetensors")
        model.config.save_pretrained(name)
    else:
        model.float().save_pretrained(name)


base = dict(hidden_size=D, num_hidden_layers=L, num_attention_heads=H, image_size=S, patch_size=P, num_labels=K)
vit = dict(base, intermediate_size=M)
logits = lambda o: o.logits
hf("hf_vit", t.ViTForImageClassification, t.ViTConfig(**vit), logits)
hf("hf_vit_v5_names", t.ViTForImageClassification, t.ViTConfig(**vit, hidden_act="gelu_new"), logits, in_memory=True)
hf("hf_vit_backbone", t.ViTModel, t.ViTConfig(**vit, qkv_bias=False), lambda o: o.pooler_output)
hf("hf_deit", t.DeiTForImageClassification, t.DeiTConfig(**vit), logits)
hf("hf_deit_teacher", t.DeiTForImageClassificationWithTeacher, t.DeiTConfig(**vit), logits)
dino = dict(base, mlp_ratio=2)
hf("hf_dinov2", t.Dinov2ForImageClassification, t.Dinov2Config(**dino), logits)
hf("hf_dinov2_backbone", t.Dinov2Model, t.Dinov2Config(**dino), lambda o: o.pooler_output, in_memory=True)
dinor = dict(dino, num_register_tokens=3)
hf("hf_dinov2_registers", t.Dinov2WithRegistersForImageClassification, t.Dinov2WithRegistersConfig(**dinor), logits)
hf("hf_dinov2_registers_backbone", t.Dinov2WithRegistersModel, t.Dinov2WithRegistersConfig(**dinor),
   lambda o: o.pooler_output)


# ---- the forward pass of timm and Google, on timm's names ----
def norm(w, name, x, eps=1e-6):
    return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], eps)


def linear(w, name, x):
    return F.linear(x, w[name + ".weight"], w.get(name + ".bias"))


def block(w, i, x, eps, gelu):
    b = f"blocks.{i}."
    B, T, _ = x.shape
    q, k, v = linear(w, b + "attn.qkv", norm(w, b + "norm1", x, eps)).reshape(B, T, 3, H, -1).permute(2, 0, 3, 1, 4)
    y = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1) @ v
    x = x + linear(w, b + "attn.proj", y.transpose(1, 2).reshape(B, T, -1)) * w.get(b + "ls1.gamma", 1)
    y = F.gelu(linear(w, b + "mlp.fc1", norm(w, b + "norm2", x, eps)), approximate=gelu)
    return x + linear(w, b + "mlp.fc2", y) * w.get(b + "ls2.gamma", 1)


def timm(w, pool="token", no_embed_class=False, eps=1e-6, gelu="none"):
    x = F.conv2d(IMAGES, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], stride=P).flatten(2).transpose(1, 2)
    prefix = [w[n].expand(2, -1, -1) for n in ("cls_token", "dist_token", "reg_token") if n in w]
    x = torch.cat(prefix + [x + w["pos_embed"]], 1) if no_embed_class else torch.cat(prefix + [x], 1) + w["pos_embed"]
    if "norm_pre.weight" in w:
        x = norm(w, "norm_pre", x, eps)
    for i in range(L):
        x = block(w, i, x, eps, gelu)
    if "norm.weight" in w:
        x = norm(w, "norm", x, eps)
    if "head_dist.weight" in w:
        return (linear(w, "head", x[:, 0]) + linear(w, "head_dist", x[:, 1])) / 2
    x = x[:, sum(p.shape[1] for p in prefix):].mean(1) if pool == "avg" else x[:, 0]
    if "fc_norm.weight" in w:
        x = norm(w, "fc_norm", x, eps)
    if "pre_logits.fc.weight" in w:
        x = torch.tanh(linear(w, "pre_logits.fc", x))
    return linear(w, "head", x)


def timm_weights(positions=None, fc_norm=False, qkv_bias=True, cls=True, extra=()):
    shapes = {"patch_embed.proj.weight": (D, 3, P, P), "patch_embed.proj.bias": (D,),
              "pos_embed": (1, (S // P) ** 2 + 1 if positions is None else positions, D)}
    if cls:
        shapes["cls_token"] = (1, 1, D)
    for i in range(L):
        b = f"blocks.{i}."
        shapes.update({b + "attn.qkv.weight": (3 * D, D), b + "attn.proj.weight": (D, D), b + "attn.proj.bias": (D,),
                       b + "mlp.fc1.weight": (M, D), b + "mlp.fc1.bias": (M,), b + "mlp.fc2.weight": (D, M),
                       b + "mlp.fc2.bias": (D,)})
        if qkv_bias:
            shapes[b + "attn.qkv.bias"] = (3 * D,)
        if "ls" in extra:
            shapes.update({b + "ls1.gamma": (D,), b + "ls2.gamma": (D,)})
        for n in ("norm1", "norm2"):
            shapes.update({b + n + ".weight": (D,), b + n + ".bias": (D,)})
    shapes.update({("fc_norm" if fc_norm else "norm") + k: (D,) for k in (".weight", ".bias")})
    shapes.update({"head.weight": (K, D), "head.bias": (K,)})
    options = {"norm_pre": {"norm_pre.weight": (D,), "norm_pre.bias": (D,)}, "reg": {"reg_token": (1, 2, D)},
               "dist": {"dist_token": (1, 1, D), "head_dist.weight": (K, D), "head_dist.bias": (K,)},
               "pre_logits": {"pre_logits.fc.weight": (D, D), "pre_logits.fc.bias": (D,)}, "ls": {}}
    for e in extra:
        shapes.update(options[e])
    return {n: (1.0 if "norm" in n and n.endswith("weight") else 0.0) + 0.4 * torch.randn(s) for n, s in shapes.items()}


def timm_case(name, weights, meta, **forward):
    expected[name] = timm(weights, **forward).float()
    write(name, weights, metadata(**meta))


N = (S // P) ** 2
timm_case("timm_fc_norm", timm_weights(fc_norm=True), dict(pool="mean"), pool="avg")
timm_case("timm_registers", timm_weights(positions=N + 3, extra=["reg"]), {})
timm_case("timm_no_embed_class", timm_weights(positions=N, qkv_bias=False, extra=["reg", "ls"]), {}, no_embed_class=True)
timm_case("timm_distilled", timm_weights(positions=N + 2, extra=["dist"]), dict(pool="class_and_distillation"))
timm_case("timm_norm_pre", timm_weights(extra=["norm_pre", "pre_logits"]), dict(layer_norm_eps=1e-5), eps=1e-5)


# ---- Google ----
def google(w, big_vision):
    attention, norm2, mlp = (0, 1, 0) if big_vision else (1, 2, 3)
    a = lambda n: w[n].numpy()
    out = {"embedding/kernel": a("patch_embed.proj.weight").transpose(2, 3, 1, 0), "embedding/bias": a("patch_embed.proj.bias"),
           "pos_embedding" if big_vision else "Transformer/posembed_input/pos_embedding": a("pos_embed"),
           "Transformer/encoder_norm/scale": a("norm.weight"), "Transformer/encoder_norm/bias": a("norm.bias"),
           "head/kernel": a("head.weight").T, "head/bias": a("head.bias")}
    if "cls_token" in w:
        out["cls"] = a("cls_token")
    if "pre_logits.fc.weight" in w:
        out.update({"pre_logits/kernel": a("pre_logits.fc.weight").T, "pre_logits/bias": a("pre_logits.fc.bias")})
    for i in range(L):
        t, b = f"blocks.{i}.", f"Transformer/encoderblock_{i}/"
        for n, theirs in (("norm1", "LayerNorm_0"), ("norm2", f"LayerNorm_{norm2}")):
            out.update({b + theirs + "/scale": a(t + n + ".weight"), b + theirs + "/bias": a(t + n + ".bias")})
        m = f"{b}MultiHeadDotProductAttention_{attention}/"
        for j, n in enumerate(("query", "key", "value")):
            out[m + n + "/kernel"] = a(t + "attn.qkv.weight")[j * D:(j + 1) * D].T.reshape(D, H, -1)
            out[m + n + "/bias"] = a(t + "attn.qkv.bias")[j * D:(j + 1) * D].reshape(H, -1)
        out.update({m + "out/kernel": a(t + "attn.proj.weight").T.reshape(H, -1, D), m + "out/bias": a(t + "attn.proj.bias")})
        for j, n in enumerate(("fc1", "fc2")):
            dense = f"{b}MlpBlock_{mlp}/Dense_{j}/"
            out.update({dense + "kernel": a(t + f"mlp.{n}.weight").T, dense + "bias": a(t + f"mlp.{n}.bias")})
    return {n: np.ascontiguousarray(x, dtype=np.float32) for n, x in out.items()}


def stack(arrays):
    names = [n for n in arrays if "encoderblock_0/" in n]
    stacked = {n.replace("block_0/", "block/"): np.stack([arrays[n.replace("_0/", f"_{i}/", 1)] for i in range(L)]) for n in names}
    return {**{n: x for n, x in arrays.items() if "encoderblock_" not in n}, **stacked}


def bfloat16(x):
    return (x.view(np.uint32) >> 16).astype(np.uint16).view("V2")


w = timm_weights(extra=["pre_logits"])
expected["google_vit"] = timm(w, gelu="tanh").float()
np.savez_compressed("google_vit.npz", **{"opt/target/" + n: x for n, x in google(w, False).items()})
w = timm_weights(positions=N, cls=False)
expected["big_vision_stacked"] = timm(w, pool="avg", gelu="tanh").float()
np.savez_compressed("big_vision_stacked.npz", **{"params/" + n: x for n, x in stack(google(w, True)).items()})
w = {n: (x.float().view(torch.int32) & -65536).view(torch.float32).double() for n, x in timm_weights().items()}
expected["big_vision_bfloat16"] = timm(w, gelu="tanh").float()
np.savez_compressed("big_vision_bfloat16.npz", **{"params/img/" + n: bfloat16(x) for n, x in google(w, True).items()})


# ---- lucidrains' vit-pytorch ----
class Patches(nn.Module):
    def forward(self, x):
        b, c, h, w = x.shape
        return x.reshape(b, c, h // P, P, w // P, P).permute(0, 2, 4, 3, 5, 1).reshape(b, -1, P * P * c)


class Attention(nn.Module):
    def __init__(self, dim_head, own_norm):
        super().__init__()
        self.own_norm = own_norm
        if own_norm:
            self.norm = nn.LayerNorm(D)
        self.to_qkv = nn.Linear(D, 3 * H * dim_head, bias=False)
        self.to_out = nn.Sequential(nn.Linear(H * dim_head, D), nn.Dropout(0))

    def forward(self, x):
        x = self.norm(x) if self.own_norm else x
        q, k, v = (z.unflatten(-1, (H, -1)).transpose(1, 2) for z in self.to_qkv(x).chunk(3, -1))
        y = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1) @ v
        return self.to_out(y.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, own_norm, activation):
        super().__init__()
        self.net = nn.Sequential(*([nn.LayerNorm(D)] if own_norm else []), nn.Linear(D, M), activation(), nn.Dropout(0),
                                 nn.Linear(M, D), nn.Dropout(0))

    def forward(self, x):
        return self.net(x)


class PreNorm(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(D), fn

    def forward(self, x):
        return self.fn(self.norm(x))


class Residual(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.fn = fn

    def forward(self, x):
        return self.fn(x)


class Transformer(nn.Module):
    def __init__(self, kind, dim_head, final_norm, activation):
        super().__init__()
        plain = kind == "plain"
        wrap = {"plain": lambda f: f, "pre_norm": PreNorm, "residual": lambda f: Residual(PreNorm(f))}[kind]
        self.layers = nn.ModuleList(nn.ModuleList([wrap(Attention(dim_head, plain)), wrap(FeedForward(plain, activation))])
                                    for _ in range(L))
        if final_norm:
            self.norm = nn.LayerNorm(D)

    def forward(self, x):
        for attention, mlp in self.layers:
            x = attention(x) + x
            x = mlp(x) + x
        return self.norm(x) if hasattr(self, "norm") else x


class VitPytorch(nn.Module):
    def __init__(self, kind, projection, final_norm, dim_head=4, pool="cls", activation=nn.GELU):
        super().__init__()
        size, self.pool, self.first = P * P * 3, pool, projection == "first"
        if self.first:
            self.patch_to_embedding = nn.Linear(size, D)
        else:
            normed = projection == "normed"
            self.to_patch_embedding = nn.Sequential(Patches(), *([nn.LayerNorm(size)] if normed else []), nn.Linear(size, D),
                                                    *([nn.LayerNorm(D)] if normed else []))
        self.pos_embedding = nn.Parameter(torch.randn(1, N + 1, D))
        self.cls_token = nn.Parameter(torch.randn(1, 1, D))
        self.transformer = Transformer(kind, dim_head, final_norm, activation)
        self.mlp_head = nn.Linear(D, K) if final_norm else nn.Sequential(nn.LayerNorm(D), nn.Linear(D, K))

    def forward(self, x):
        x = self.patch_to_embedding(Patches()(x)) if self.first else self.to_patch_embedding(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embedding
        x = self.transformer(x)
        return self.mlp_head(x.mean(1) if self.pool == "mean" else x[:, 0])


def lucidrains(name, meta, *args, **kwargs):
    model = randomize(VitPytorch(*args, **kwargs))
    with torch.no_grad():
        expected[name] = model(IMAGES).float()
    write(name, model.state_dict(), metadata(layer_norm_eps=1e-5, **meta))


lucidrains("lucidrains_first", {}, "residual", "first", False)
lucidrains("lucidrains_pre_norm", dict(pool="mean", gelu=None, activation="relu"), "pre_norm", "linear", False, pool="mean",
           activation=nn.ReLU)
lucidrains("lucidrains_normed", {}, "pre_norm", "normed", False, dim_head=5)
lucidrains("lucidrains_new", {}, "plain", "normed", True, dim_head=3)

# ---- positions ----
positions = torch.randn(1, 1 + 25, 4)
expected["positions"] = positions[0].float()
grid = positions[:, 1:].reshape(1, 5, 5, 4).permute(0, 3, 1, 2)
for side in (3, 7, 12):
    resized = {
        "timm": F.interpolate(grid, size=(side, side), mode="bicubic", antialias=True, align_corners=False),
        "hugging_face": F.interpolate(grid, size=(side, side), mode="bicubic", align_corners=False),
        "torchvision": F.interpolate(grid, size=(side, side), mode="bicubic", align_corners=True),
        "google": F.interpolate(grid, size=(side, side), mode="bilinear", align_corners=True),
        "meta_dinov2": F.interpolate(grid, scale_factor=(side + 0.1) / 5, mode="bicubic", align_corners=False),
    }
    for name, r in resized.items():
        assert r.shape[-1] == side
        flat = torch.cat([positions[:, :1], r.permute(0, 2, 3, 1).reshape(1, -1, 4)], 1)
        expected[f"positions.{name}.{side}"] = flat[0].float()

# A whole model at another image size.
big = torch.randn(1, 3, 3 * P, 3 * P)
model = t.ViTForImageClassification.from_pretrained("hf_vit").double().eval()
with torch.no_grad():
    expected["resized.input"], expected["resized.hf_vit"] = big.float(), model(big, interpolate_pos_encoding=True).logits.float()
save_file({k: v.contiguous() for k, v in expected.items()}, "expected.safetensors")

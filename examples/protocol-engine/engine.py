"""An inference engine for lockstep: a Llama without layers, which speaks the protocol on stdin and stdout."""

import json, os, sys
import numpy as np
from safetensors.numpy import load_file, save_file

def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)

def norm(x, weight, eps):
    return x / (np.sqrt((x * x).mean(-1, keepdims=True)) + eps) * weight

def forward(ids, positions):
    x = weights["model.embed_tokens.weight"][ids]
    head_dim = config["hidden_size"] // config["num_attention_heads"]
    frequencies = 10_000 ** -(np.arange(0, head_dim, 2, dtype=np.float32) / head_dim)
    angles = np.tile(positions[..., None] * frequencies, 2).astype(np.float32)
    normed = norm(x, weights["model.norm.weight"], config["rms_norm_eps"])
    logits = normed @ weights["lm_head.weight"].T
    return {
        "inputs#position_ids": positions,
        "model:in": ids, "model.embed_tokens:in": ids, "model.embed_tokens:out": x,
        "model.rotary_emb:in": x, "model.rotary_emb:out": np.cos(angles), "model.rotary_emb:out.1": np.sin(angles),
        "model.norm:in": x, "model.norm:out": normed, "model:out": normed,
        "lm_head:in": normed, "lm_head:out": logits, "logits": logits,
    }

def run(run, inputs, phases, **_):
    ids = load_file(inputs)["input_ids"]
    for batch, phase in enumerate(phases):
        positions = np.arange(phase["start"], phase["end"])[None]
        taps = forward(ids[:, phase["start"] : phase["end"]], positions)
        file = os.path.join(spool, f"{run}.{batch}.safetensors")
        save_file({site: np.ascontiguousarray(tensor) for site, tensor in taps.items()}, file)
        names = [{"site": site, "tensor": site} for site in taps]
        send(method="taps", params={"run": run, "phase": phase["name"], "batch": batch, "file": file, "taps": names})
    return {"run": run, "batches": len(phases), "taps": len(phases) * len(taps)}

for line in sys.stdin:
    request = json.loads(line)
    method, params = request["method"], request.get("params", {})
    result = {}
    if method == "hello":
        spool = params["spool"]
        can = {"dtypes": ["float32"], "shapes": False, "cache": False, "build": False, "oracle": False, "replay": False}
        result = {"protocol": 1, "name": "bare", "version": "1", "versions": {}, "capabilities": can}
    elif method == "load":
        config = json.load(open(os.path.join(params["checkpoint"], "config.json")))
        weights = load_file(os.path.join(params["checkpoint"], "model.safetensors"))
        result = {"checkpoint": params["checkpoint"], "modules": [], "tensors": []}
    elif method == "run":
        result = run(**params)
    elif method == "config_reads":
        result = {"reads": []}
    if "id" in request:
        send(id=request["id"], result=result)
    if method == "shutdown":
        break

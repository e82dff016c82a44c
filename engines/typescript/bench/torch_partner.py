"""The other side of `npm run bench`: runs one operation when it is asked to, and says how many milliseconds that took.

One JSON object a line on stdin: {"what": "gemm", "threads": 1, "times": 3}, {"what": "prefill", "model": folder, ...}.
One number a line on stdout.
"""

import json
import sys
import time
from collections.abc import Callable

import torch
from torch.nn import functional as F

operations: dict[str, Callable[[], Callable[[], object]]] = {}


def operation(make: Callable[[], Callable[[], object]]) -> Callable[[], Callable[[], object]]:
    operations[make.__name__] = make
    return make


@operation
def gemm() -> Callable[[], object]:
    x, w = torch.rand(128, 2048), torch.rand(2048, 2048)
    return lambda: F.linear(x, w)


@operation
def gemv() -> Callable[[], object]:
    x, w = torch.rand(1, 2048), torch.rand(8192, 2048)
    return lambda: F.linear(x, w)


@operation
def gemv_bf16() -> Callable[[], object]:
    x, w = torch.rand(1, 2048).bfloat16(), torch.rand(8192, 2048).bfloat16()
    return lambda: F.linear(x, w)


@operation
def rmsnorm() -> Callable[[], object]:
    x, weight = torch.rand(128, 2048), torch.rand(2048)
    return lambda: F.rms_norm(x, (2048,), weight, 1e-6)


@operation
def rmsnorm_modeling() -> Callable[[], object]:
    x, weight = torch.rand(128, 2048), torch.rand(2048)
    return lambda: weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


@operation
def softmax() -> Callable[[], object]:
    x = torch.rand(1152, 512)
    return lambda: F.softmax(x, -1)


@operation
def gelu() -> Callable[[], object]:
    x = torch.rand(128, 8192)
    return lambda: F.gelu(x)


class Model:
    """A checkpoint with eager attention, and its cache after a prompt of 128 tokens."""

    def __init__(self, folder: str, dtype: str) -> None:
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), attn_implementation="eager", trust_remote_code=False
        )
        self.model = model.eval()
        self.ids = torch.tensor([[100 + (i * 7919) % 40_000 for i in range(512)]])
        self.length = 128

    def prefill(self) -> None:
        self.cache = self.model(self.ids[:, :128], use_cache=True).past_key_values
        self.length = 128

    def decode(self) -> None:
        self.model(self.ids[:, self.length : self.length + 1], past_key_values=self.cache, use_cache=True)
        self.length += 1


def main() -> None:
    ready: dict[str, Callable[[], object]] = {}
    models: dict[str, Model] = {}
    with torch.inference_mode():
        for line in sys.stdin:
            request = json.loads(line)
            torch.set_num_threads(request["threads"])
            if "model" in request:
                key = f"{request['model']} {request['dtype']}"
                if key not in models:
                    models[key] = Model(request["model"], request["dtype"])
                run = getattr(models[key], request["what"])
            else:
                run = ready.setdefault(request["what"], operations[request["what"]]())
            start = time.perf_counter()
            for _ in range(request["times"]):
                run()
            print((time.perf_counter() - start) * 1000 / request["times"], flush=True)


main()

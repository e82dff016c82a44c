"""A Llama in plain PyTorch: what docs/new-engine.md puts behind the protocol. Its attention taps its inner tensors."""

import torch
from lockstep_engine.taps import tap
from torch import nn


class Rotary(nn.Module):
    def __init__(self, config):
        super().__init__()
        size = config["head_dim"]
        self.frequencies = config["rope_parameters"]["rope_theta"] ** -(torch.arange(0, size, 2) / size)

    def forward(self, x, positions):
        angles = (positions[..., None] * self.frequencies).repeat(1, 1, 2)
        return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    left, right = x.chunk(2, dim=-1)
    return x * cos[:, None] + torch.cat([-right, left], dim=-1) * sin[:, None]


class Attention(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        width, size, bias = config["hidden_size"], config["head_dim"], config["attention_bias"]
        heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self.layer, self.size, self.groups = layer, size, heads // kv_heads
        self.q_proj = nn.Linear(width, heads * size, bias)
        self.k_proj = nn.Linear(width, kv_heads * size, bias)
        self.v_proj = nn.Linear(width, kv_heads * size, bias)
        self.o_proj = nn.Linear(heads * size, width, bias)

    def forward(self, hidden_states, cos, sin, mask, cache):
        split = [proj(hidden_states).unflatten(-1, (-1, self.size)) for proj in (self.q_proj, self.k_proj, self.v_proj)]
        query, key, value = (part.transpose(1, 2) for part in split)
        query, key = rotate(query, cos, sin), rotate(key, cos, sin)
        tap(self, "q_rope", query)
        tap(self, "k_rope", key)
        tap(self, "value", value)
        if self.layer in cache:
            key, value = (torch.cat(pair, dim=2) for pair in zip(cache[self.layer], (key, value), strict=True))
        cache[self.layer] = key, value
        scores = query @ key.repeat_interleave(self.groups, dim=1).mT * self.size**-0.5
        tap(self, "scores", scores)
        tap(self, "mask", mask)
        probs = scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(-1)
        tap(self, "probs", probs)
        context = (probs @ value.repeat_interleave(self.groups, dim=1)).transpose(1, 2)
        tap(self, "context", context)
        return self.o_proj(context.flatten(2))


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, inner, bias = config["hidden_size"], config["intermediate_size"], config["mlp_bias"]
        self.gate_proj = nn.Linear(width, inner, bias)
        self.up_proj = nn.Linear(width, inner, bias)
        self.down_proj = nn.Linear(inner, width, bias)
        self.act_fn = {"silu": nn.SiLU, "gelu": nn.GELU}[config["hidden_act"]]()

    def forward(self, x):
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        self.self_attn = Attention(config, layer)
        self.mlp = MLP(config)
        self.input_layernorm = nn.RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.post_attention_layernorm = nn.RMSNorm(config["hidden_size"], config["rms_norm_eps"])

    def forward(self, hidden_states, *rest):
        hidden_states = hidden_states + self.self_attn(self.input_layernorm(hidden_states), *rest)
        return hidden_states + self.mlp(self.post_attention_layernorm(hidden_states))


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(Layer(config, layer) for layer in range(config["num_hidden_layers"]))
        self.norm = nn.RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.rotary_emb = Rotary(config)

    def forward(self, input_ids, positions, mask, cache):
        states = self.embed_tokens(input_ids)
        cos, sin = self.rotary_emb(states, positions)
        for layer in self.layers:
            states = layer(states, cos, sin, mask, cache)
        return self.norm(states)


class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.model = Model(config)
        self.lm_head = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)
        if config["tie_word_embeddings"]:
            self.lm_head.weight = self.model.embed_tokens.weight

    def forward(self, *inputs):
        return self.lm_head(self.model(*inputs))

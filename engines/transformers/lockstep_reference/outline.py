"""The outline of an architecture: its config's fields and its classes, from which a port starts."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from typing import Any

import transformers
from transformers import CONFIG_MAPPING, PreTrainedConfig
from transformers.activations import ACT2FN
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from lockstep_engine.errors import unsupported
from lockstep_reference.experiments import Build, Laboratory, classes_of, file_of

Json = dict[str, Any]

# Tiny sizes that differ pairwise; of a config without `head_dim` the heads together are as wide as the model.
_SIZES = {
    "vocab_size": 193,
    "intermediate_size": 68,
    "n_inner": 68,
    "ffn_dim": 68,
    "num_hidden_layers": 2,
    "n_layer": 2,
    "num_layers": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "n_positions": 64,
    "sliding_window": 5,
    "num_experts": 5,
    "num_local_experts": 5,
    "n_routed_experts": 5,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 26,
    "shared_expert_intermediate_size": 22,
}
_WIDE = {"head_dim": 14, "hidden_size": 44, "num_attention_heads": 4}
_SQUARE = {"hidden_size": 48, "n_embd": 48, "d_model": 48, "num_attention_heads": 6, "n_head": 6, "num_heads": 6}
_TOKENS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


def outline(model_type: str, architecture: str | None = None, changes: Json | None = None) -> Json:
    """What a port of `model_type` starts from; `changes` of its tiny config. Raises EngineError for no causal LM."""
    # A lazy mapping, whose `get` knows nothing.
    config_class = CONFIG_MAPPING[model_type] if model_type in CONFIG_MAPPING else None  # noqa: SIM401
    name = architecture or MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(model_type)
    if config_class is None or name is None:
        raise unsupported(
            f"transformers {transformers.__version__} has no causal language model {model_type!r}",
            expected="a model type with a class of AutoModelForCausalLM",
            found=json.dumps(model_type),
            remedy="Check the spelling; for a part of a multimodal model give the type of its text model.",
        )
    fields = list(_fields(config_class))
    config = {"architectures": [name], "model_type": model_type, **_tiny(config_class, fields), **(changes or {})}
    base = Build(config)
    laboratory = Laboratory(fields)
    classes = classes_of(base, laboratory, file_of(base.model))
    rope = getattr(_default(config_class), "rope_parameters", None)
    return {
        "model_type": model_type,
        "architecture": name,
        "config_class": config_class.__name__,
        "source": "/".join(file_of(base.model).parts[-3:]),
        "version": transformers.__version__,
        "prefix": base.model.base_model_prefix,
        "config": config,
        "fields": fields,
        "aliases": dict(config_class.attribute_map),
        "rope": rope if isinstance(rope, dict) and "rope_type" in rope else None,
        "classes": classes,
    }


def _default(config_class: type[PreTrainedConfig]) -> PreTrainedConfig | None:
    try:
        return config_class()
    except Exception:  # noqa: BLE001 - configs that need arguments have no defaults to show
        return None


def _fields(config_class: type[PreTrainedConfig]) -> Iterator[Json]:
    """The fields that the class itself declares, with kind and default."""
    hints: Json = {}
    for base in reversed(config_class.__mro__):
        if issubclass(base, PreTrainedConfig) and base is not PreTrainedConfig:
            hints |= vars(base).get("__annotations__", {})
    default = _default(config_class)
    for name, hint in hints.items():
        if str(hint).startswith("ClassVar") or typing.get_origin(hint) is typing.ClassVar or name.startswith("_"):
            continue
        # `text` of the hint: modules may or may not evaluate their annotations.
        kinds = str(hint) if not isinstance(hint, type) else hint.__name__
        value = getattr(config_class, name, None)
        declared = value if not hasattr(value, "__get__") else getattr(default, name, None)
        yield {
            "name": name,
            "kind": _kind(name, kinds, declared),
            "nullable": "None" in kinds,
            "default": declared if _plain(declared) else None,
        }


def _kind(name: str, hint: str, value: Any) -> str:
    if name == "rope_parameters":
        return "rope"
    if isinstance(value, bool) or hint.startswith("bool"):
        return "bool"
    if "list" in hint or "dict" in hint or isinstance(value, (list, tuple, dict)):
        return "tokens" if name.endswith("token_id") else "list" if "list" in hint else "other"
    if isinstance(value, str) or (value is None and hint.startswith("str")):
        return "activation" if value in ACT2FN else "string"
    if isinstance(value, float) or hint.startswith("float"):
        return "float"
    return "token" if name.endswith("token_id") else "int" if "int" in hint else "other"


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and value == value)  # noqa: PLR0124


def _tiny(config_class: type[PreTrainedConfig], fields: list[Json]) -> Json:
    sizes = _SIZES | _TOKENS | (_WIDE if any(field["name"] == "head_dim" for field in fields) else _SQUARE)
    tiny: Json = {}
    for field in fields:
        name, default = field["name"], field["default"]
        if name in sizes and not (default is None and field["kind"] == "int" and name == "sliding_window"):
            tiny[name] = sizes[name]
        elif field["kind"] == "float" and "eps" in name:
            tiny[name] = 1e-3
        elif field["kind"] == "rope":
            rope = getattr(_default(config_class), "rope_parameters", None) or {}
            if "rope_type" in rope:
                partial = {"partial_rotary_factor": 0.5} if rope.get("partial_rotary_factor", 1) != 1 else {}
                tiny[name] = {"rope_type": "default", "rope_theta": 12345, **partial}
    return tiny

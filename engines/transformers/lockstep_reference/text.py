"""Text in and out: the checkpoint's tokenizer, and the likeliest continuation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoTokenizer

from lockstep_engine.errors import bad_input, unsupported
from lockstep_reference.foreign import unloadable


def tokenize(checkpoint: Path, text: str, *, chat: bool) -> dict[str, Any]:
    """The ids of `text` and what they stand for; `chat` puts it into the chat template. Raises EngineError."""
    tokenizer = load_tokenizer(checkpoint)
    if chat:
        if not tokenizer.chat_template:
            raise bad_input(
                "the checkpoint has no chat template", where=str(checkpoint), remedy="Leave out the chat format."
            )
        messages = [{"role": "user", "content": text}]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, add_special_tokens=not chat)["input_ids"]
    return {"ids": ids, "tokens": tokenizer.convert_ids_to_tokens(ids)}


def load_tokenizer(checkpoint: Path) -> Any:
    """The tokenizer that lies beside the weights. Raises EngineError."""
    if not (checkpoint / "tokenizer.json").is_file():
        raise bad_input(
            "the checkpoint has no tokenizer",
            expected="a tokenizer.json beside config.json",
            where=str(checkpoint),
            remedy="Copy it there, or give token ids in place of a text.",
        )
    try:
        return AutoTokenizer.from_pretrained(checkpoint, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # noqa: BLE001 - transformers raises many types for files that do not fit
        raise unloadable("tokenizer", checkpoint, error) from error


@torch.inference_mode()
def generate(model: nn.Module, ids: list[int], max_new_tokens: int) -> dict[str, Any]:
    """The likeliest tokens after `ids`, up to an end token, and what they spell. Raises EngineError."""
    if not re.search(r"(ForCausalLM|LMHeadModel)$", type(model).__name__):
        raise unsupported("only decoders of text are continued", found=type(model).__name__)
    config: Any = model.config
    settings = getattr(model, "generation_config", None)
    end = settings.eos_token_id if settings is not None else config.eos_token_id
    ends = {end} if isinstance(end, int) else set(end or ())
    new: list[int] = []
    step, cache = torch.tensor([ids]), None
    while len(new) < max_new_tokens and not (new and new[-1] in ends):
        output = model(input_ids=step, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = output.past_key_values
        new.append(int(output.logits[0, -1].argmax()))
        step = torch.tensor([[new[-1]]])
    directory = Path(config._name_or_path)
    text = load_tokenizer(directory).decode(new) if (directory / "tokenizer.json").is_file() else ""
    return {"ids": new, "text": text}

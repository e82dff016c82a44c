"""The model that a checkpoint directory holds, loaded as transformers does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from lockstep_engine.checkpoint import read_config, weight_files
from lockstep_engine.errors import bad_input
from lockstep_reference.build import architecture_class, config_object
from lockstep_reference.foreign import unloadable


def load_model(directory: Path, dtype: torch.dtype) -> PreTrainedModel:
    """Loads a checkpoint as transformers does, in eval mode with eager attention.

    Raises EngineError when the names or shapes of the stored tensors are not exactly those of the model.
    """
    config = read_config(directory)
    cls = architecture_class(config)
    weight_files(directory)
    resolved = config_object(config)
    try:
        loaded: Any = cls.from_pretrained(
            directory,
            config=resolved,
            dtype=dtype,
            attn_implementation="eager",
            experts_implementation="eager",
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
        model, info = loaded
    except Exception as error:  # noqa: BLE001 - transformers raises many types for a checkpoint that does not fit
        raise unloadable("checkpoint", directory, error) from error
    # Old checkpoints store this constant table of positions; transformers ignores it as well.
    unexpected = {name for name in info["unexpected_keys"] if not name.endswith("position_ids")}
    problems = [
        *(f"missing {name}" for name in sorted(info["missing_keys"])),
        *(f"unexpected {name}" for name in sorted(unexpected)),
        *(f"of another shape {name}" for name in sorted(map(str, info["mismatched_keys"]))),
    ]
    if problems:
        raise bad_input(
            f"the checkpoint is not one of {cls.__name__}: {'; '.join(problems[:20])}",
            expected="exactly the tensors of the model",
            found=f"{len(problems)} tensors that differ",
            where=str(directory),
        )
    return model.eval()

import unittest

import packages  # noqa: F401 - sets the import path
import torch
from transformers import CONFIG_MAPPING
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from lockstep_reference.attention import NAME, register_attention
from lockstep_reference.build import restore_floats
from lockstep_reference.experts import inside_experts


class Floats(unittest.TestCase):
    def test_whole_numbers_are_floats_where_the_class_wants_them(self) -> None:
        restored = restore_floats(CONFIG_MAPPING["gemma2"], {"attn_logit_softcapping": 30, "hidden_size": 48})
        self.assertEqual([type(value) for value in restored.values()], [float, int])

    def test_in_lists_too(self) -> None:
        restored = restore_floats(CONFIG_MAPPING["gemma3n_text"], {"activation_sparsity_pattern": [0.9, 0, 0]})
        self.assertEqual([type(value) for value in restored["activation_sparsity_pattern"]], [float] * 3)

    def test_in_parts_without_a_model_type_too(self) -> None:
        restored = restore_floats(CONFIG_MAPPING["dbrx"], {"ffn_config": {"moe_normalize_expert_weights": 1}})
        self.assertIs(type(restored["ffn_config"]["moe_normalize_expert_weights"]), float)


class Attention(unittest.TestCase):
    def test_our_name_passes_for_eager_and_is_registered_as_its_own(self) -> None:
        register_attention()
        self.assertTrue(NAME == "eager" and NAME in ("eager", "sdpa"))
        self.assertNotEqual(NAME, "eager")
        self.assertNotEqual(NAME, "sdpa")
        self.assertIn(NAME, ALL_ATTENTION_FUNCTIONS)


class Experts(unittest.TestCase):
    def test_experts_in_a_list_of_that_name_are_nobodys_sites(self) -> None:
        model = torch.nn.ModuleDict(
            {"mlp": torch.nn.ModuleDict({"experts": torch.nn.ModuleList([torch.nn.Linear(2, 2)])})}
        )
        self.assertEqual(inside_experts(model), {"mlp.experts.0"})


if __name__ == "__main__":
    unittest.main()

import copy
import unittest

from bench import CAUSAL, TINY, Bench, media_inputs, text_inputs, tiny_runs

from lockstep_engine.errors import UNSUPPORTED, EngineError


class Shapes(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.bench = Bench()
        cls.result = cls.bench.shapes(TINY, media_inputs())

    @classmethod
    def tearDownClass(cls) -> None:
        cls.bench.close()

    def test_sites_and_shapes_are_those_of_a_real_run(self) -> None:
        taps = tiny_runs()[1]
        real = {site: list(tap.shape) for (phase, site), tap in taps.items() if phase == "full"}
        listed = {entry["site"]: entry["shape"] for entry in self.result["sites"]}
        self.assertEqual({site: shape for site, shape in listed.items() if not site.startswith("cache.")}, real)

    def test_tensors_and_modules_are_those_of_load(self) -> None:
        loaded = tiny_runs()[0]
        self.assertEqual(self.result["tensors"], loaded["tensors"])
        self.assertEqual(self.result["modules"], loaded["modules"])

    def test_the_text_model_alone(self) -> None:
        result = self.bench.shapes(CAUSAL, text_inputs())
        self.assertNotIn("stop", result)
        self.assertIn("model.layers.2.self_attn#scores", [entry["site"] for entry in result["sites"]])

    def test_initialisers_that_look_at_values_do_not_stop_the_build(self) -> None:
        config = {
            "architectures": ["SiglipVisionModel"],
            "model_type": "siglip_vision_model",
            "hidden_size": 12,
            "intermediate_size": 20,
            "num_hidden_layers": 1,
            "num_attention_heads": 3,
            "image_size": 8,
            "patch_size": 4,
        }
        with self.assertRaisesRegex(EngineError, "reads no tokens"):  # and not that it can't be built
            self.bench.shapes(config, text_inputs())

    def test_a_forward_that_stops_names_its_place(self) -> None:
        inputs = media_inputs()
        inputs["pixel_values"] = inputs["pixel_values"][..., :44].contiguous()
        stop = self.bench.shapes(TINY, inputs)["stop"]
        self.assertEqual(stop["site"], "model.embed_vision.patch_ln1:in")
        self.assertEqual(stop["found"], [2, 8, 44])

    def test_an_unknown_architecture_is_refused_by_name(self) -> None:
        with self.assertRaises(EngineError) as caught:
            self.bench.shapes({**TINY, "architectures": ["Gemma9"]}, media_inputs())
        self.assertEqual(caught.exception.code, UNSUPPORTED)
        self.assertIn("Gemma9", str(caught.exception))

    def test_an_invalid_config_is_refused(self) -> None:
        config = copy.deepcopy(TINY)
        config["text_config"]["hidden_size"] = "wide"
        with self.assertRaisesRegex(EngineError, "hidden_size"):
            self.bench.shapes(config, media_inputs())


class ConfigReads(unittest.TestCase):
    def setUp(self) -> None:
        bench = tiny_runs()[3]
        self.reads = {(read["scope"], read["field"]) for read in bench.engine.config_reads()["reads"]}

    def test_layers_read_their_own_overrides(self) -> None:
        layers = "model.language_model.layers"
        self.assertIn((f"{layers}.0.self_attn", "text_config.head_dim"), self.reads)
        self.assertIn((f"{layers}.2.self_attn", "text_config.per_layer_config[2].head_dim"), self.reads)
        self.assertNotIn((f"{layers}.2.self_attn", "text_config.head_dim"), self.reads)

    def test_keys_of_a_dict_field_are_told_apart(self) -> None:
        field = "text_config.rope_parameters.full_attention.partial_rotary_factor"
        self.assertIn(("model.language_model.rotary_emb", field), self.reads)

    def test_reads_of_the_forward_are_recorded(self) -> None:
        self.assertIn(("", "text_config.final_logit_softcapping"), self.reads)
        self.assertIn(("model", "image_token_id"), self.reads)

    def test_inert_fields_are_not(self) -> None:
        fields = {field.rpartition(".")[2] for _, field in self.reads}
        self.assertFalse(fields & {"_attn_implementation", "return_dict", "output_attentions", "initializer_range"})

    def test_shapes_reports_the_same_build(self) -> None:
        result = Bench().shapes(TINY, media_inputs())
        listed = {(read["scope"], read["field"]) for read in result["config_reads"]}
        self.assertEqual({read for read in self.reads if read[0]} - listed, set())


if __name__ == "__main__":
    unittest.main()

import hashlib
import unittest

import support  # noqa: F401 - sets the import path

from lockstep_engine.draw import draw_parameter, draw_range, draw_uniform

# SHA-256 (first 16 digits) of the float32 bytes that harness/trace/draw.ts draws.
VECTORS = [
    (0, "a.weight", (7, 5), "e3f58e66f44e2162"),
    (7, "model.embed_tokens.weight", (193, 40), "fbedd9898b6f0ada"),
    (4294967295, "x.bias", (9,), "b206f35ad764d1cd"),
    (123456789012, "\u00fcn\u00ef.pos_embedding", (23, 2, 36), "2e4101c75f4ed295"),
    (3, "n.weight", (40,), "7f4849c2df67044a"),
    (5, "s", (), "90b687174e4fbbbc"),
    (2, "model.layers.0.mlp.experts.gate_up_proj", (6, 44, 48), "452de5c84e0055ea"),
]


class Draw(unittest.TestCase):
    def test_bits_are_those_of_the_typescript_generator(self) -> None:
        for seed, name, shape, expected in VECTORS:
            with self.subTest(name):
                drawn = draw_parameter(seed, name, shape)
                self.assertEqual(drawn.shape, shape)
                self.assertEqual(hashlib.sha256(drawn.tobytes()).hexdigest()[:16], expected)

    def test_a_tensor_longer_than_one_pass_continues_the_same_stream(self) -> None:
        long = draw_uniform(1, "w", (1 << 20) + 5, -1, 1)
        again = draw_uniform(1, "w", (1 << 20) + 9, -1, 1)
        self.assertTrue((long == again[: len(long)]).all())
        self.assertEqual(len(set(again[-9:].tolist())), 9)

    def test_no_range_leaves_a_parameter_at_its_default(self) -> None:
        self.assertEqual(draw_range("norm.weight", (8,)), (0.5, 1.5))
        self.assertEqual(draw_range("q_proj.bias", (8,)), (-0.4, 0.4))
        self.assertEqual(draw_range("embed.position_embedding", (8, 2)), (-1, 1))
        self.assertEqual(draw_range("conv.weight", (8, 3, 4)), (-0.5, 0.5))

    def test_the_matrices_of_all_experts_in_one_tensor_are_as_large_as_one_matrix(self) -> None:
        self.assertEqual(draw_range("mlp.experts.down_proj", (8, 5, 12)), (-0.5, 0.5))
        self.assertEqual(draw_range("mlp.experts.3.down_proj.weight", (5, 12)), (-0.5, 0.5))


if __name__ == "__main__":
    unittest.main()

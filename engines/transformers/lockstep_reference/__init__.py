"""The transformers reference as an engine of lockstep."""

"""What an adapter of PyTorch modules needs: captures, replays, inputs, manifests, and an adapter to extend."""

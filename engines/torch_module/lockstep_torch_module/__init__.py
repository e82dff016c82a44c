"""Any `torch.nn.Module` factory as an engine of lockstep."""

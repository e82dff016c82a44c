"""What every Python engine of lockstep needs: the wire, the server, sites, taps, the spool, drawing, inputs, phases.

Nothing here imports a framework; `lockstep_engine.pytorch` is for models of PyTorch.
"""

__version__ = "0.1.0"

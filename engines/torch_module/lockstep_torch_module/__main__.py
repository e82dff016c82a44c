"""`python -m lockstep_torch_module path/to/file.py:factory`: serves a module factory on stdin and stdout."""

from lockstep_engine.wire import claim_stdout, fix_hash_seed

fix_hash_seed()
channel = claim_stdout()

from lockstep_torch_module.serve import serve_factory  # noqa: E402

serve_factory(channel)

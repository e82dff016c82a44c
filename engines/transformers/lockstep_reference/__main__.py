"""`python -m lockstep_reference`: serves the reference on stdin and stdout."""

from lockstep_engine.wire import claim_stdout, fix_hash_seed

fix_hash_seed()
# Before any other import: a library that prints while it is imported must not corrupt the message stream.
channel = claim_stdout()

from lockstep_reference.serve import serve_reference  # noqa: E402

serve_reference(channel)

"""The bytes that peers store: those of ours. Their environments lack what would encode them."""

TYPE = "bench.metered"
DATA = b'{"metric":"catacloud.execution.finished","quantity":1,"node":"worker-17.eu-central"}'

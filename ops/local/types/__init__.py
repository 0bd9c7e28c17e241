"""The resource types and API actions that the local AWS (ministack) lacks or loses, and its launcher.

`python -m ops.local.types` registers them and serves; `--table` prints what each one is worth. A type goes
through the public API of the service it belongs to wherever that API exists, so that what a stack deploys is
what boto3 reads.
"""

"""The names of the account that each double stands for."""

INPUT, OUTPUT, FUNCTION = "input", "output", "recognise"
"""The two queues and the function."""

REGION = "us-east-1"

INVOKE_PATH = f"/2015-03-31/functions/{FUNCTION}/invocations"

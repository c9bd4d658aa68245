"""The command that examines a configuration; its modules, in reading order:

- `doctor`: every check, in the order of the report
- `check`: one line of the report
- `variables`: the environment
- `results_folder`: the disk and the ledger
- `bridge`: the address, and the bridge that listens there
- `services`: credentials, clock, queues, buckets and function
- `report`: the output
"""

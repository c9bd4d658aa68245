"""ONNX Runtime, set up for one core and for equal bits in every run."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

# Official builds report their use over the network unless this is set before the import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

from lambda_fn.models.cache import file_name, prepared

# ONNX Runtime warns of constants that its own optimiser made superfluous.
_ERRORS_ONLY = 3


class Session:
    """A model, run by ONNX Runtime.

    `files` names the weights, then the model, with the SHA-256 of each; `make` returns both.
    """

    def __init__(self, files: Mapping[str, str], make: Callable[[], list[bytes]]) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        # Lambda gives up to 1,769 MB one core or less, and other machines run a worker per core.
        # One thread also adds up in the same order every time.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # Pictures and batches differ in size. A plan of the memory for each size takes up to 40 MB,
        # and saves no time.
        options.enable_mem_pattern = False
        weights, model = prepared(files, make)
        if isinstance(weights, bytes):
            names = [file_name(next(iter(files)), weights)]
            options.add_external_initializers_from_files_in_memory(names, [weights], [len(weights)])
        source = str(model) if isinstance(model, Path) else model
        self._session: Any = onnxruntime.InferenceSession(
            source, options, providers=["CPUExecutionProvider"]
        )
        self._names = [output.name for output in self._session.get_outputs()]

    def run(self, **inputs: Any) -> dict[str, Any]:
        """Return the outputs by name. Raises MemoryError."""
        try:
            outputs = self._session.run(None, inputs)
        except Exception as error:
            # ONNX Runtime has no type for a failed allocation.
            if "allocate" in str(error):
                raise MemoryError(str(error)) from error
            raise
        return dict(zip(self._names, outputs, strict=True))

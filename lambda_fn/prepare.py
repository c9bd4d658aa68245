"""Prepare the model files beside this package: `python -m lambda_fn.prepare`."""

import shutil

from lambda_fn.faces import detector, dlib_encoder, sface
from lambda_fn.models.cache import BESIDE, keep

if __name__ == "__main__":
    # The stamp of `make setup` goes too, so an interrupted run is repeated in full.
    shutil.rmtree(BESIDE, ignore_errors=True)
    for module in (detector, sface, dlib_encoder):
        keep(BESIDE, module.FILES, module.make())
    print("The face models are ready.")  # noqa: T201

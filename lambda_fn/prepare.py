"""Makes the files of `prepared.py` beside it: `python -m lambda_fn.prepare`."""

import shutil

from lambda_fn.faces import detector, encoder
from lambda_fn.models.cache import BESIDE, keep

if __name__ == "__main__":
    # With the stamp of `make setup`, so that what is left half made is made anew.
    shutil.rmtree(BESIDE, ignore_errors=True)
    for module in (detector, encoder):
        keep(BESIDE, module.FILES, module.make())
    print("The face models are ready.")  # noqa: T201

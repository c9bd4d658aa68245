"""The gallery and the rule that names a face: numpy only, for the function and for the VM alike."""

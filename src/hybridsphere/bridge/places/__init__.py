"""The place of each upload: private hosts first, Lambda when they cannot keep up."""

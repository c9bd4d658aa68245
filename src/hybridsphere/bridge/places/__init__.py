"""Where the function runs for each upload: on machines of one's own first, on Lambda if it must."""

"""Kill, hang, disk full, token gone: nothing that was acknowledged is lost, nothing destroyed is usable."""

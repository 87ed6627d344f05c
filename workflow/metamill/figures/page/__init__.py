"""A page in millimetres: what is on it, how its texts are set, its bytes in every format."""

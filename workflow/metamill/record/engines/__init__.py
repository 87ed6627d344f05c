"""Independent engines, one file per family; each gives `Numbers` under the names of ours."""

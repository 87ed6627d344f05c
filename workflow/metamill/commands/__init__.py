"""One module per command: `add_arguments(parser)` and `main(options)`, files in and files out."""

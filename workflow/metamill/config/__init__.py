"""config.yaml: strict YAML, checked against a schema, resolved into frozen settings."""

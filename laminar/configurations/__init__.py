"""The public import paths of what configures flows and layers: `from laminar.configurations import layers`."""

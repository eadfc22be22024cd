"""The package behind the colorization course."""

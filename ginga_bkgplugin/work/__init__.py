"""What runs it: one image's life, the computing process, the live state of a viewer."""

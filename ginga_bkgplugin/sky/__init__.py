"""What is computed: arrays in, arrays out. No files, no viewer, inputs never changed."""

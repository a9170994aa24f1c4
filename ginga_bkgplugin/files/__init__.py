"""What is kept: images read, products written. The science file is never written."""

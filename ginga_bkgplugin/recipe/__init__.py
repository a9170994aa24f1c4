"""What decides a result: plain frozen data, no arrays, no files, no viewer."""

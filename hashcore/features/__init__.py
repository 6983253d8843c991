"""Features of images that hashing was measured on before networks learned them: one file each, pixels to float rows."""

"""What stages read and write: outputs and their records, codes directories, rejected rows, lists of ids."""

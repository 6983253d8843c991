"""Inputs and outputs of stages: records, codes directories, rejected rows, lists of ids."""

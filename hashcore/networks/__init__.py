"""Networks f(x) that project inputs to real numbers, one a bit: one file each, one signature."""

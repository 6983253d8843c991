"""The machine this process runs on: its cores and memory, processors, devices, and native modules built for it."""

"""The computer: its devices, memory and processes, and the sample brain that it carries."""

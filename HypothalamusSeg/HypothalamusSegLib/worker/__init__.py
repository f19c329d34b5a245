"""A process that stays loaded and segments one scan after another: the command ``worker``."""

"""The follow level: sessions of each subject measured in one frame."""

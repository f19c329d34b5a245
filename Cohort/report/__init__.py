"""Pages for readers: the HTML report, its figures, and the contact sheet."""

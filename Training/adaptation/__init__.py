"""`hypothalamus-seg adapt`: the shipped networks learn to draw like a rater."""

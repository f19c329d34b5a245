"""The result in the MRML scene: its nodes, review, views and the Segment Editor."""

"""The participant level: every scan to BIDS derivatives, on one machine or a cluster."""

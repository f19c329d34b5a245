"""From a folder of T1-weighted scans to a group result, on one machine or a cluster.

``participant`` segments every scan into BIDS derivatives and an index; ``group`` compares groups;
``compare`` compares two runs. The engine is HypothalamusSegLib, which does not know this
package.
"""

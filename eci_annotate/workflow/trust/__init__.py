"""Seals, signatures, certificates, encrypted keys and Merkle trees."""

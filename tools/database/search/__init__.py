"""Search by meaning over text columns: the vectors stay here, ids, masked text and coarse scores leave."""

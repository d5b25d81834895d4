"""The chapter on sparsity."""

"""A local cluster that behaves like MemoryDB: TLS only, cluster mode, and IAM tokens that the real server checks."""

extern int customerd_memorydb_stub; int customerd_memorydb_stub = 0; /* replaced by the module's first source */

extern int customerd_core_stub; int customerd_core_stub = 0; /* replaced by the module's first source */

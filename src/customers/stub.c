extern int customerd_customers_stub; int customerd_customers_stub = 0; /* replaced by the module's first source */

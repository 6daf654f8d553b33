extern int customerd_aws_stub; int customerd_aws_stub = 0; /* replaced by the module's first source */

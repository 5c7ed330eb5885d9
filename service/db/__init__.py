"""Tables and all SQL. One place commits: the functions here that say so."""

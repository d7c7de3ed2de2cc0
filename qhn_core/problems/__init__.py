"""Problems: what a circuit's bitstrings are judged by, with a table of all strings where there is one."""

"""Reading a stranger's table: text, separator and decimals, header, cells, and what its columns can be."""

"""Everything scarce: accounts in double entry; transfers reserved, posted, voided, expired."""

"""The back office: pages the shop's team uses, one module a page with its template beside it."""

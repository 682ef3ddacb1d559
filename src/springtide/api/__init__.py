"""The JSON API for storefronts and partners under /v1, one module a resource."""

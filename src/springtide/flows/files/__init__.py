"""Files into the house and out of it: uploads, columns, tables loaded, exports."""

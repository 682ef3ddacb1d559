"""What tests share: a throwaway PostgreSQL, fakes by hand, factories."""

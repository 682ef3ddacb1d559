"""One contract test a protocol: it runs over every member the day it exists."""

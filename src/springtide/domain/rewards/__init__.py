"""Rewards and the games that pay them: coupons, packets, points, draws, flash stock, check-in."""

"""Price lists (价格表): who they are for, their prices, their pages and tables."""

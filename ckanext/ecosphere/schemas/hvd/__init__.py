"""High-value datasets (Implementing Regulation (EU) 2023/138): which ones there are, and what they lack."""

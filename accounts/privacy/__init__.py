"""What people are told about their data, and what they ask about it without an account."""

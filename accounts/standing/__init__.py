"""Whether an account may do everything, or is suspended."""

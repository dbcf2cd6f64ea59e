"""What people say of the product, from any of its pages."""
